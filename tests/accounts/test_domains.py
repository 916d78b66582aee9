"""Sending domains: keys, what DNS says of them, and the mails about it."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts import domains, jobs, queries, signing_keys
from app.accounts.models import DomainCheck, Notice, Relay, Sender, SigningKey
from app.core import settings
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import NotFound, WrongState
from app.mailer.lookup import Resolver
from tests.conftest import Client, Person
from tests.dnsserver import DnsServer

DOMAIN = "bakery.example"
PAGE = f"/settings/domains/{DOMAIN}"


@pytest.fixture
def dns(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[DnsServer]:
    """The world's name server, and an installation with a public name."""
    public = dataclasses.replace(
        settings.get(), MAIL_DOMAIN="news.sender.example", BASE_URL="https://news.sender.example",
        SMTP_URL="smtp://out.sender.example", CATCHER=False,
    )  # fmt: skip
    with DnsServer() as server:
        monkeypatch.setattr(settings, "get", lambda: public)
        monkeypatch.setattr(domains, "resolver", lambda: Resolver([server.address]))
        server.put("news.sender.example", "MX", "10 news.sender.example.")
        server.txt("news.sender.example", "v=spf1 a:out.sender.example -all")
        server.put("out.sender.example", "A", "192.0.2.25")
        server.put(DOMAIN, "MX", "10 mail.bakery.example.")
        server.txt(DOMAIN, "v=spf1 a:out.sender.example ~all")
        server.txt(f"_dmarc.{DOMAIN}", "v=DMARC1; p=none")
        yield server


@pytest.fixture
def sender(alice: Person) -> Sender:
    return add_sender(alice, f"news@{DOMAIN}")


def add_sender(person: Person, email: str, *, confirmed: bool = True) -> Sender:
    with transaction():
        row = Sender(
            account_id=person.account.id, email=email, confirmed_at=now() if confirmed else None
        )
        db.session.add(row)
    return row


def make_keys(person: Person) -> dict[str, SigningKey]:
    with transaction():
        made = domains.make_keys(person.account, person.member, DOMAIN)
    return {key.kind: key for key in made}


def publish(dns: DnsServer, *keys: SigningKey) -> None:
    for key in keys:
        dns.txt(f"{key.selector}._domainkey.{key.domain}", key.record)


def levels(check: DomainCheck) -> dict[str, str]:
    return {found["code"]: found["level"] for found in check.findings}


def test_keys_sign_once_their_records_are_seen(alice: Person, sender: Sender, dns: DnsServer):
    pair = make_keys(alice)
    first = levels(domains.check(alice.account, DOMAIN))
    assert signing_keys.signers(alice.account.id, sender.email) == []
    publish(dns, *pair.values())

    second = levels(domains.check(alice.account, DOMAIN))

    assert first["dkim"] == "bad"
    assert second == {
        "dkim": "ok", "spf": "ok", "dmarc": "ok", "alignment": "ok", "envelope": "ok",
        "bounces": "ok", "replies": "ok", "mta_sts": "info", "tls_rpt": "info", "bimi": "info",
    }  # fmt: skip
    made = signing_keys.signers(alice.account.id, sender.email)
    assert [signer.algorithm for signer in made] == ["rsa-sha256", "ed25519-sha256"]
    assert [signer.record() for signer in made] == [key.record for key in pair.values()]


def test_private_keys_are_sealed_and_forgotten(alice: Person, sender: Sender, dns: DnsServer):
    key = make_keys(alice)["rsa"]
    assert key.sealed_key
    assert "PRIVATE" not in key.sealed_key

    with transaction():
        signing_keys.retire(alice.account, alice.member, key)

    assert key.sealed_key is None
    assert key.retired_at is not None


def test_rotating_leaves_no_mail_unsigned(alice: Person, sender: Sender, dns: DnsServer):
    old = make_keys(alice)
    publish(dns, *old.values())
    domains.check(alice.account, DOMAIN)

    new = make_keys(alice)
    between = levels(domains.check(alice.account, DOMAIN))
    signing = [one.selector for one in signing_keys.signers(alice.account.id, sender.email)]
    publish(dns, *new.values())
    after = levels(domains.check(alice.account, DOMAIN))

    assert between["dkim"] == "warn"
    assert signing == [key.selector for key in old.values()]
    assert after["dkim"] == "ok"
    db.session.expire_all()
    assert {key.state for key in old.values()} == {"retired"}
    assert {key.state for key in new.values()} == {"active"}


def test_asking_twice_for_keys_makes_one_pair(alice: Person, sender: Sender):
    first, second = make_keys(alice), make_keys(alice)

    assert [key.id for key in first.values()] == [key.id for key in second.values()]


@pytest.mark.parametrize(
    ("email", "confirmed", "words"),
    [(f"x@{DOMAIN}", False, "Confirm a sender"), ("bakery@gmail.com", True, "mailbox provider")],
)
def test_only_a_domain_of_ones_own_gets_keys(
    alice: Person, email: str, confirmed: bool, words: str
):
    add_sender(alice, email, confirmed=confirmed)

    with pytest.raises(WrongState, match=words), transaction():
        domains.make_keys(alice.account, alice.member, email.partition("@")[2])


def test_dns_that_is_away_blames_nobody(alice: Person, sender: Sender, dns: DnsServer):
    make_keys(alice)
    dns.broken = "fail"

    check = domains.check(alice.account, DOMAIN)

    assert set(levels(check).values()) == {"unknown"}


def test_owners_are_told_once_when_something_breaks(
    alice: Person, bob: Person, sender: Sender, dns: DnsServer
):
    domains.check(alice.account, DOMAIN)
    dns.broken = "fail"
    domains.check(alice.account, DOMAIN)
    dns.broken = ""
    del dns.zone[f"_dmarc.{DOMAIN}", "TXT"]

    domains.check(alice.account, DOMAIN)
    domains.check(alice.account, DOMAIN)

    (notice,) = db.session.scalars(sa.select(Notice).where(Notice.kind == "domain_broken")).all()
    assert notice.to_email == "alice@bakery.example"
    assert DOMAIN in notice.subject
    assert "no DMARC record" in notice.text
    assert PAGE in notice.text


def test_what_was_never_right_is_no_news(alice: Person, sender: Sender, dns: DnsServer):
    domains.check(alice.account, DOMAIN)
    domains.check(alice.account, DOMAIN)

    assert db.session.scalar(sa.select(sa.func.count()).select_from(Notice)) == 0


def test_each_domain_is_looked_at_once_a_day(
    alice: Person, charlie: Person, sender: Sender, dns: DnsServer
):
    add_sender(alice, f"alice@{DOMAIN}")
    add_sender(alice, "x@unconfirmed.example", confirmed=False)
    add_sender(charlie, "c@garage.example")

    assert jobs.check_domains() == 2
    assert jobs.check_domains() == 0
    with transaction():
        check = queries.last_check(alice.account.id, DOMAIN)
        assert check is not None
        check.checked_at = now() - timedelta(days=1)
    assert domains.due() == [(alice.account.id, DOMAIN)]


def test_nobody_asks_by_itself_where_all_mail_is_caught(alice: Person, sender: Sender):
    assert settings.get().CATCHER
    assert jobs.check_domains() == 0


def test_the_job_gives_up_while_dns_is_away(
    alice: Person, charlie: Person, sender: Sender, dns: DnsServer
):
    add_sender(charlie, "c@garage.example")
    dns.broken = "fail"

    assert jobs.check_domains() == 1


def test_a_domain_of_others_is_not_found(charlie: Person, sender: Sender):
    with pytest.raises(NotFound):
        domains.find(charlie.account, DOMAIN)


def test_keys_of_two_businesses_with_one_domain_do_not_meet(
    alice: Person, charlie: Person, sender: Sender, dns: DnsServer
):
    add_sender(charlie, f"garage@{DOMAIN}")
    mine, theirs = make_keys(alice), make_keys(charlie)
    publish(dns, *mine.values())

    domains.check(alice.account, DOMAIN)
    domains.check(charlie.account, DOMAIN)

    assert len(signing_keys.signers(alice.account.id, sender.email)) == 2
    assert signing_keys.signers(charlie.account.id, f"garage@{DOMAIN}") == []
    assert theirs["rsa"].selector != mine["rsa"].selector


def test_another_secret_stops_mail_instead_of_sending_it_unsigned(
    alice: Person, sender: Sender, dns: DnsServer
):
    publish(dns, *make_keys(alice).values())
    domains.check(alice.account, DOMAIN)
    with transaction():
        db.session.execute(sa.update(SigningKey).values(sealed_key="sealed by somebody else"))
    db.session.expire_all()

    with pytest.raises(signing_keys.NoKey, match="SECRET_KEY"):
        signing_keys.signers(alice.account.id, sender.email)


def test_the_page_shows_what_to_enter(
    client: Client, alice: Person, sender: Sender, dns: DnsServer
):
    client.sign_in(alice)
    empty = client.get(PAGE).text
    client.post(f"{PAGE}/keys")
    client.post(f"{PAGE}/check")

    page = html.unescape(client.get(PAGE).text)

    assert "Not checked yet" in empty
    assert "v=spf1 a:out.sender.example ~all" in empty
    for key in signing_keys.of_domain(alice.account.id, DOMAIN):
        assert f'data-copy="{key.selector}._domainkey.{DOMAIN}"' in page
        assert f'data-copy="{key.record}"' in page
    assert "Waits for DNS" in page
    assert "Wrong" in client.get("/settings/domains").text


def test_a_check_answers_htmx_with_the_region_alone(
    client: Client, alice: Person, sender: Sender, dns: DnsServer
):
    client.sign_in(alice)

    answer = client.htmx("POST", f"{PAGE}/check")

    assert answer.text.lstrip().startswith('<div id="domain-state"')
    assert "Checked just now" in answer.text


def test_a_key_signs_without_waiting_and_retires_by_hand(
    client: Client, alice: Person, sender: Sender, dns: DnsServer
):
    key = make_keys(alice)["rsa"]
    client.sign_in(alice)

    answer = client.post(f"/settings/domains/keys/{key.id}/activate", follow_redirects=True)
    assert "nobody can check the signature" in answer.text
    assert len(signing_keys.signers(alice.account.id, sender.email)) == 1
    again = client.post(f"/settings/domains/keys/{key.id}/activate")
    client.post(f"/settings/domains/keys/{key.id}/retire")

    assert again.status_code == 409
    assert signing_keys.signers(alice.account.id, sender.email) == []


@pytest.mark.parametrize("path", ["", "/check", "/keys"])
def test_strangers_and_helpers_stay_outside(
    client: Client, bob: Person, charlie: Person, sender: Sender, dns: DnsServer, path: str
):
    method = "POST" if path else "GET"

    client.sign_in(charlie)
    assert client.open(PAGE + path, method=method).status_code == 404
    client.sign_in(bob)
    assert client.open(PAGE + path, method=method).status_code == 403
    assert dns.asked == []
    assert db.session.scalar(sa.select(sa.func.count()).select_from(SigningKey)) == 0


def test_new_keys_are_shown_at_once(client: Client, alice: Person, sender: Sender, dns: DnsServer):
    client.sign_in(alice)
    client.post(f"{PAGE}/check")

    page = client.post(f"{PAGE}/keys", follow_redirects=True).text

    assert "Not checked yet since the keys changed" in page
    for key in signing_keys.of_domain(alice.account.id, DOMAIN):
        assert f'data-copy="{key.selector}._domainkey.{DOMAIN}"' in page


def test_servers_of_the_account_count_for_the_domains_they_carry(alice: Person, sender: Sender):
    with transaction():
        for host, carries in (("mx.one.example", ""), ("mx.two.example", "garage.example")):
            db.session.add(
                Relay(
                    account_id=alice.account.id, name=host, host=host, port=587,
                    from_domains=carries,
                )
            )  # fmt: skip

    setup = domains.setup_of(alice.account, DOMAIN)

    assert setup.relays == ("mx.one.example",)
    assert setup.own_relay
    # Mail from there leaves through its own server alone, so SPF names no other.
    assert domains.setup_of(alice.account, "garage.example").relays == ("mx.two.example",)
