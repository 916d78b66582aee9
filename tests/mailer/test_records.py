"""What the DNS helper says of good and bad zones, asked of a real name server."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator

import pytest

from app.mailer import dkim, records, spf
from app.mailer.checking import check
from app.mailer.lookup import Away, Resolver
from app.mailer.records import PublicKey, Setup
from tests.dnsserver import FAIL, SILENT, DnsServer

DOMAIN = "bakery.example"
KEYS = tuple(
    PublicKey(
        kind, kind, dkim.Signer.from_pem(DOMAIN, kind, dkim.make_key(kind)).record(), active=True
    )
    for kind in ("rsa", "ed25519")
)
SETUP = Setup(
    DOMAIN, bounces="news.sender.example", site="news.sender.example",
    relays=("out.sender.example",),
    keys=KEYS,
)  # fmt: skip


@pytest.fixture
def dns() -> Iterator[DnsServer]:
    """A world in which all is well."""
    with DnsServer() as server:
        server.put("news.sender.example", "MX", "10 news.sender.example.")
        server.txt("news.sender.example", "v=spf1 a:out.sender.example -all")
        server.put("out.sender.example", "A", "192.0.2.25")
        server.put(DOMAIN, "MX", "10 mail.bakery.example.")
        server.txt(DOMAIN, "some-verification=1", "v=spf1 a:out.sender.example ~all")
        server.txt(f"_dmarc.{DOMAIN}", "v=DMARC1; p=none; rua=mailto:d@bakery.example")
        for key in KEYS:
            server.txt(f"{key.selector}._domainkey.{DOMAIN}", key.record)
        yield server


def look(dns: DnsServer, setup: Setup = SETUP) -> dict[str, records.Finding]:
    return {found.code: found for found in check(setup, Resolver([dns.address])).findings}


def test_all_is_well(dns: DnsServer) -> None:
    found = look(dns)

    assert {one.level for one in found.values()} == {"ok", "info"}
    assert "d=bakery.example" in found["alignment"].words
    assert "1 of 10" in found["spf"].words


def test_a_world_without_records_gets_them_to_copy(dns: DnsServer) -> None:
    dns.zone.clear()
    setup = dataclasses.replace(SETUP, relays=("email-smtp.eu-west-1.amazonaws.com",))

    found = look(dns, setup)

    assert [one.value for one in found["dkim"].records] == [key.record for key in KEYS]
    assert found["dkim"].records[0].name == f"rsa._domainkey.{DOMAIN}"
    assert found["spf"].records[0].value == "v=spf1 include:amazonses.com ~all"
    assert found["dmarc"].records[0] == records.Record(
        f"_dmarc.{DOMAIN}", "TXT", "v=DMARC1; p=none"
    )
    assert found["bounces"].records[0].type == "MX"
    assert {code for code, one in found.items() if one.level == "bad"} == {
        "dkim", "dmarc", "alignment", "envelope", "bounces",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "level", "words"),
    [
        (["v=spf1 ip4:192.0.2.0/24 -all"], "ok", "may send"),
        (["v=spf1 include:other.example -all"], "warn", "leads to no SPF record"),
        (["v=spf1 ip4:198.51.100.0/24 -all"], "warn", "does not name the mail server"),
        (["v=spf1 -all", "v=spf1 mx -all"], "bad", "several SPF records"),
        (["v=spf1 +all"], "warn", "lets everybody"),
        (["v=spf1 ip4:nonsense -all"], "warn", "is no network"),
        (["v=spf1 !! -all"], "warn", "no part of an SPF record"),
        (["v=spf1 redirect=news.sender.example"], "ok", "2 of 10"),
        (["V=SPF1 A:out.sender.example -ALL"], "ok", "1 of 10"),
        (["v=spf10 a -all"], "warn", "no SPF record"),
        (["v=spf1 exists:%{i}.x.example a:out.sender.example -all"], "ok", "2 of 10"),
    ],
)
def test_spf(dns: DnsServer, texts: list[str], level: str, words: str) -> None:
    dns.txt(DOMAIN, *texts)

    found = look(dns)["spf"]

    assert (found.level, words in found.words) == (level, True), found.words


def test_spf_look_ups_are_counted_through_includes(dns: DnsServer) -> None:
    for i in range(4):
        dns.txt(f"s{i}.example", "v=spf1 a mx include:end.example -all")
    dns.txt("end.example", "v=spf1 ip4:192.0.2.25 -all")
    includes = " ".join(f"include:s{i}.example" for i in range(4))
    dns.txt(DOMAIN, f"v=spf1 {includes} -all")

    found = look(dns)["spf"]

    assert found.level == "warn"
    assert "16 names" in found.words


def test_an_spf_record_without_end_ends(dns: DnsServer) -> None:
    dns.txt(DOMAIN, f"v=spf1 include:{DOMAIN} include:loop.example -all")
    dns.txt("loop.example", f"v=spf1 include:{DOMAIN} include:loop.example -all")

    assert look(dns)["spf"].level == "warn"


def test_the_present_spf_record_is_extended() -> None:
    added = spf.with_mechanism("v=spf1 include:a.example ~all", "a:out.sender.example")

    assert added == "v=spf1 include:a.example a:out.sender.example ~all"
    assert spf.with_mechanism(added, "a:out.sender.example") == added


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "no record yet"),
        (KEYS[0].record[:200], "cut off"),
        (f'"{KEYS[0].record}"', "quotation marks"),
        ("v=DKIM1; k=rsa; p=", "withdrawn"),
        ("v=DKIM1; k=rsa; p=AAAA", "another key"),
        (KEYS[0].record.replace("k=rsa", "k=ed25519"), "instead of k=rsa"),
        (KEYS[0].record.replace("DKIM1", "DKIM2"), "v=DKIM1"),
    ],
)
def test_dkim_records_that_nobody_can_use(dns: DnsServer, value: str | None, words: str) -> None:
    name = f"rsa._domainkey.{DOMAIN}"
    del dns.zone[name, "TXT"]
    if value:
        dns.txt(name, value)

    found = look(dns)["dkim"]

    assert found.level == "bad"
    assert words in found.words


def test_blanks_in_a_dkim_record_mean_nothing(dns: DnsServer) -> None:
    value = KEYS[0].record
    dns.txt(f"rsa._domainkey.{DOMAIN}", f"k=rsa;p={value.partition('p=')[2][:90]} \t "
            f"{value.partition('p=')[2][90:]} ; v=DKIM1;")  # fmt: skip

    assert look(dns)["dkim"].level == "ok"


def test_a_name_entered_twice_is_found(dns: DnsServer) -> None:
    for name in (f"rsa._domainkey.{DOMAIN}", f"_dmarc.{DOMAIN}"):
        dns.zone[f"{name}.{DOMAIN}", "TXT"] = dns.zone.pop((name, "TXT"))

    found = look(dns)

    assert "entered twice" in found["dkim"].words
    assert "entered twice" in found["dmarc"].words


def test_the_second_signature_is_no_must(dns: DnsServer) -> None:
    del dns.zone[f"ed25519._domainkey.{DOMAIN}", "TXT"]

    assert look(dns)["dkim"].level == "warn"


@pytest.mark.parametrize(
    ("texts", "level", "words"),
    [
        (["v=DMARC1; p=reject"], "ok", "is refused"),
        (["v=DMARC1;p=Quarantine"], "ok", "goes to spam"),
        (["v=DMARC1; rua=mailto:d@bakery.example"], "bad", "does not say"),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], "bad", "several"),
        (["v=dmarc1; p=none"], "bad", "no DMARC record"),
    ],
)
def test_dmarc(dns: DnsServer, texts: list[str], level: str, words: str) -> None:
    dns.txt(f"_dmarc.{DOMAIN}", *texts)

    found = look(dns)["dmarc"]

    assert (found.level, words in found.words) == (level, True), found.words


def test_the_parent_s_dmarc_record_covers_a_subdomain(dns: DnsServer) -> None:
    dns.txt(f"_dmarc.{DOMAIN}", "v=DMARC1; p=none; sp=reject")

    found = look(dns, dataclasses.replace(SETUP, domain=f"news.{DOMAIN}"))["dmarc"]

    assert found.level == "ok"
    assert f"of {DOMAIN}, which covers you" in found.words
    assert "is refused" in found.words


def test_one_owner_of_from_and_envelope_aligns_spf(dns: DnsServer) -> None:
    setup = dataclasses.replace(SETUP, keys=(), bounces=f"b.{DOMAIN}")
    dns.txt(f"b.{DOMAIN}", "v=spf1 a:out.sender.example -all")

    found = look(dns, setup)

    assert found["alignment"].level == "ok"
    assert "SPF counts" in found["alignment"].words


def test_nobody_knows_whether_another_s_server_signs(dns: DnsServer) -> None:
    found = look(dns, dataclasses.replace(SETUP, keys=(), own_relay=True))

    assert found["dkim"].level == "warn"
    assert found["alignment"].level == "unknown"


def test_a_mailbox_provider_s_domain_cannot_be_mended(dns: DnsServer) -> None:
    found = look(dns, dataclasses.replace(SETUP, domain="gmail.com"))

    assert [one.level for one in found.values()] == ["bad"]
    assert dns.asked == []


def test_one_name_without_answer_is_unknown_and_the_rest_is_not(dns: DnsServer) -> None:
    dns.fail([f"_dmarc.{DOMAIN}", f"rsa._domainkey.{DOMAIN}"], FAIL)

    found = look(dns)

    assert found["dmarc"].level == found["dkim"].level == "unknown"
    assert found["spf"].level == "ok"


def test_a_silent_name_server_costs_a_bounded_time(dns: DnsServer) -> None:
    dns.broken = SILENT
    began = time.monotonic()

    done = check(SETUP, Resolver([dns.address], each_s=0.3, all_s=1.0))

    assert time.monotonic() - began < 2.5
    assert {found.level for found in done.findings} == {"unknown"}


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".example", ".", "ä.example", "a b.example"])
def test_names_that_cannot_be_have_no_records(dns: DnsServer, name: str) -> None:
    try:
        assert Resolver([dns.address])(name, "TXT") == []
    except Away:
        pytest.fail("a broken name is no outage")


def test_a_zone_line_has_pieces_of_255(dns: DnsServer) -> None:
    line = records.zone_line({"name": "a.example", "type": "TXT", "value": "x" * 300})

    assert line == f'a.example. IN TXT ("{"x" * 255}" "{"x" * 45}")'


def test_where_nobody_knows_the_server_no_record_is_made_up(dns: DnsServer) -> None:
    dns.zone.clear()
    setup = dataclasses.replace(SETUP, relays=(), site="localhost", bounces="localhost")

    found = look(dns, setup)

    assert found["spf"].records == found["bounces"].records == found["envelope"].records == ()
    assert "Ask whoever runs" in found["spf"].words
    assert found["bounces"].level == found["envelope"].level == "unknown"


def test_each_of_several_servers_is_named(dns: DnsServer) -> None:
    setup = dataclasses.replace(
        SETUP, relays=("out.sender.example", "smtp.sendgrid.net", "192.0.2.9")
    )

    found = look(dns, setup)["spf"]

    assert found.level == "warn"
    assert "(include:sendgrid.net, ip4:192.0.2.9)" in found.words
    assert found.records[0].value == (
        "v=spf1 a:out.sender.example include:sendgrid.net ip4:192.0.2.9 ~all"
    )
