"""Mail servers that refuse, stall, cut, lie and limit: F14 to F24.

Each with a real conversation over loopback; the work is done in the test's own process, so that
time may pass in no time.
"""

from __future__ import annotations

import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from app.accounts import relays
from app.campaigns import scheduling
from app.campaigns.models import Campaign
from app.contacts import suppressions
from app.core.db import db, transaction
from app.delivery import sending, starting, sweeping
from app.delivery.models import Delivery, Outage, ProviderPace
from app.mailer import pacing
from app.mailer.smtp import RelaySettings, Timeouts
from tests.delivery.conftest import check, make_due, work
from tests.faults.conftest import Add
from tests.faults.world import CONNECTIONS, Sums, World
from tests.faultserver import FaultServer
from tests.mailer.test_smtp import mismatches
from tests.servers import MailSink

Make = Callable[..., Campaign]
QUICK = Timeouts(connect=5, greeting=5, command=1, data=1, dot=1)
PATIENT = Timeouts(connect=20, greeting=20, command=20, data=20, dot=20)


def some(n: int, kind: str = "ok") -> list[str]:
    return [f"{kind}.{i}@example.com" for i in range(n)]


def sums(campaign: Campaign, server: FaultServer, n: int) -> Sums:
    """R1 and R2."""
    kept = check(campaign)
    rows = db.session.execute(
        sa.text(
            "SELECT contact.address, delivery.state FROM delivery JOIN contact"
            " ON contact.id = delivery.contact_id WHERE campaign_id = :id"
        ),
        {"id": campaign.id},
    ).all()
    state = {row[0]: row[1] for row in rows}
    got = Counter(server.recipients())
    waiting = sum(one in ("pending", "sending") for one in state.values())
    never = [a for a, one in state.items() if one == "sent" and a not in got]
    return Sums(
        recipients=n,
        receipt=kept,
        lost=n - kept.intended + waiting + len(never),
        doubled=sum(times > 1 for times in got.values()),
        uncertain=kept.uncertain,
        wrong=[a for a in got if state[a] not in ("sent", "uncertain")],
    )


def use(server: FaultServer, monkeypatch: pytest.MonkeyPatch, **changes: object) -> RelaySettings:
    """Let every sender's mail go there, with these settings."""
    settings = replace(RelaySettings.from_url(server.url), **changes)  # type: ignore[arg-type]
    monkeypatch.setattr(relays, "for_sender", lambda account_id, email: settings)
    monkeypatch.setattr(relays, "keys_for", lambda account_id, email: [settings.key])
    return settings


def until_all_is_said(campaign: Campaign, times: int = 3) -> None:
    """Send; then let the time pass until what is put off is due, so many times."""
    work(campaign)
    for _ in range(times):
        make_due(campaign)
        let_pace_rest()
        sweeping.sweep()
        work(campaign)


def let_pace_rest() -> None:
    """A provider that was slowed is at full speed after a calm hour."""
    with transaction():
        for pace in db.session.query(ProviderPace):
            pace.refused_at -= pacing.CALM_S
            pace.until -= pacing.CALM_S


def states(campaign: Campaign) -> Counter[tuple[str, str]]:
    """How many of each kind are in each state."""
    rows = db.session.execute(
        sa.text(
            "SELECT contact.address, delivery.state FROM delivery JOIN contact"
            " ON contact.id = delivery.contact_id WHERE campaign_id = :id"
        ),
        {"id": campaign.id},
    ).all()
    return Counter((row[0].split(".")[0], row[1]) for row in rows)


@pytest.mark.flow
def test_every_answer_ends_where_it_belongs(
    campaign_to: Make, to_server: FaultServer, row: Add
) -> None:
    kinds = ("ok", "grey", "rate", "r5", "p5", "d4", "d5", "full", "cut0", "cutd", "cut1", "multi",
             "junk", "421r", "421d", "amb", "ambrej", "junkdot")  # fmt: skip
    # Each kind has a domain of its own: the pace of one is nothing to the others.
    everybody = [f"{kind}.{i}@{kind}.example.com" for kind in kinds for i in range(20)]
    # So many that the refused ones are no reason to stop the campaign.
    everybody += [f"ok.{i}@ok.example.com" for i in range(20, 400)]
    campaign = campaign_to(everybody)
    until_all_is_said(campaign)
    found = states(campaign)

    row("F19", "18 kinds of answers and cuts in one campaign",
        sums(campaign, to_server, len(everybody)), uncertain=80)  # fmt: skip
    assert found["ok", "sent"] == 400
    for kind in ("grey", "rate", "multi"):
        assert found[kind, "sent"] == 20, kind
    for kind in ("r5", "p5", "d5"):
        assert found[kind, "failed"] == 20, kind
    for kind in ("d4", "full", "cut0", "cutd", "junk", "421r", "421d"):
        assert found[kind, "deferred"] == 20, kind
    # The whole of a small mail leaves at once: whoever cuts inside it may have all of it.
    for kind in ("amb", "ambrej", "junkdot", "cut1"):
        assert found[kind, "uncertain"] == 20, kind
    kept_out = [a for a in everybody if suppressions.find(campaign.account_id, a)]
    assert sorted(kept_out) == sorted(f"r5.{i}@r5.example.com" for i in range(20))


@pytest.mark.faults
def test_connections_are_refused(
    campaign_to: Make, to_server: FaultServer, monkeypatch: pytest.MonkeyPatch, row: Add
) -> None:
    campaign = campaign_to(some(300))
    port = to_server.port
    use(to_server, monkeypatch, port=1)  # nobody listens there
    starting.plan(campaign.id)
    for batch_id in sweeping.waiting_batches(campaign.id):
        assert not sending.send_batch(batch_id)
    waiting = check(campaign)
    assert (waiting.pending, waiting.failed) == (300, 0)
    assert "Waiting for the mail server" in _diary(campaign)
    use(to_server, monkeypatch, port=port)
    began = time.monotonic()
    work(campaign)

    row("F14", "connections refused, then taken", sums(campaign, to_server, 300),
        seconds=time.monotonic() - began)  # fmt: skip


@pytest.mark.faults
def test_workers_wait_for_a_mail_server_that_turns_everybody_away(world: World, row: Add) -> None:
    world.server.faults.late_s = 0.1
    world.crew()
    campaign = world.send(500, name="outage")
    world.wait_for_mails("outage", 50)
    world.server.faults.refuse = True
    world.server.hang_up()
    time.sleep(20)
    standing = world.receipt(campaign)
    assert (standing.failed, standing.pending > 0) == (0, True)
    assert world.read(lambda: db.session.scalars(sa.select(Outage.relay)).all())
    world.server.faults.refuse = False
    seconds = world.seconds_to_next()
    world.wait_until_over(campaign)

    row("F14", "all connections cut, then 421 for 20 s", world.sums(campaign, 500),
        seconds=seconds, uncertain=2 * CONNECTIONS)  # fmt: skip


def _diary(campaign: Campaign) -> str:
    words = db.session.scalars(
        sa.text("SELECT text FROM diary_entry WHERE campaign_id = :id"), {"id": campaign.id}
    )
    return " ".join(words)


@pytest.mark.faults
def test_421_at_the_door_and_after(
    campaign_to: Make, to_server: FaultServer, monkeypatch: pytest.MonkeyPatch, row: Add
) -> None:
    campaign = campaign_to([*some(260), *some(20, "421r"), *some(20, "421d")])
    to_server.faults.refuse = True
    starting.plan(campaign.id)
    for batch_id in sweeping.waiting_batches(campaign.id):
        sending.send_batch(batch_id)
    assert check(campaign).pending == 300
    to_server.faults.refuse = False
    with transaction():
        db.session.execute(sa.delete(Outage))
    until_all_is_said(campaign, times=1)
    found = states(campaign)

    row("F15", "421 at the greeting, at RCPT, after the dot", sums(campaign, to_server, 300))
    assert found["ok", "sent"] == 260
    assert found["421r", "deferred"] == found["421d", "deferred"] == 20


@pytest.mark.faults
def test_greylisting_with_a_hint(campaign_to: Make, to_server: FaultServer, row: Add) -> None:
    campaign = campaign_to(some(300, "grey"))
    work(campaign)
    waits = [
        (one.next_try_at - one.claimed_at).total_seconds()
        for one in db.session.scalars(sa.select(Delivery))
        if one.next_try_at and one.claimed_at
    ]
    assert len(waits) == 300
    assert all(295 < wait < 305 for wait in waits)
    until_all_is_said(campaign, times=1)

    row("F16", "greylisting, 'try again in 300 seconds'", sums(campaign, to_server, 300))
    assert check(campaign).sent == 300


@pytest.mark.faults
def test_refusals_of_single_readers(campaign_to: Make, to_server: FaultServer, row: Add) -> None:
    campaign = campaign_to([*some(290), *some(10, "r5")])
    work(campaign)

    row("F17", "5xx at RCPT for 3 %", sums(campaign, to_server, 300))
    assert check(campaign).failed == 10
    told = db.session.execute(
        sa.select(Delivery.code, Delivery.status, Delivery.answer).where(Delivery.state == "failed")
    ).all()
    assert set(map(tuple, told)) == {(550, "5.1.1", "5.1.1 No such user here")}


@pytest.mark.faults
def test_refusals_after_the_content(campaign_to: Make, to_server: FaultServer, row: Add) -> None:
    campaign = campaign_to([*some(240), *some(30, "d4"), *some(30, "d5")])
    work(campaign)
    found = states(campaign)

    row("F18", "4xx and 5xx after the content", sums(campaign, to_server, 300))
    assert (found["d4", "deferred"], found["d5", "failed"]) == (30, 30)
    assert not any(suppressions.find(campaign.account_id, a) for a in some(30, "d5"))


@pytest.mark.faults
def test_stalls_and_dribbles(
    campaign_to: Make, to_server: FaultServer, monkeypatch: pytest.MonkeyPatch, row: Add
) -> None:
    to_server.faults.slow_s, to_server.faults.late_s = 0.3, 10
    use(to_server, monkeypatch, timeouts=QUICK)
    campaign = campaign_to([*some(290), *some(5, "slow"), *some(5, "late")])
    began = time.monotonic()
    work(campaign)
    took = time.monotonic() - began
    found = states(campaign)

    row("F20", "dribbled and missing replies", sums(campaign, to_server, 300), uncertain=5)
    assert found["ok", "sent"] == 290
    assert found["late", "uncertain"] == 5  # the dot went out, no answer came
    assert found["slow", "deferred"] == 5
    assert took < 30


@pytest.fixture(scope="module")
def bad_certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """Signed by nobody, for another name."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(  # noqa: S603
        ["/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=elsewhere.example", "-keyout", str(folder / "key"),
         "-out", str(folder / "cert")],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert", folder / "key")
    return context


TLS_FAULTS: dict[str, dict[str, Any]] = {
    "none offered": {"tls": None},
    "STARTTLS stripped": {"offer_starttls": False},
    "454 to STARTTLS": {"starttls_code": 454},
    "certificate of nobody": {},
    "handshake cut": {"cut_handshake": True},
    "bytes injected in clear": {"inject": b"250 ok\r\n"},
}


@pytest.mark.faults
@pytest.mark.parametrize("name", TLS_FAULTS)
def test_encryption_that_fails(
    campaign_to: Make,
    to_server: FaultServer,
    bad_certificate: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    row: Add,
) -> None:
    for key, value in {"tls": bad_certificate, **TLS_FAULTS[name]}.items():
        setattr(to_server.faults, key, value)
    use(to_server, monkeypatch, tls="starttls", timeouts=PATIENT)
    campaign = campaign_to(some(100))
    starting.plan(campaign.id)
    for batch_id in sweeping.waiting_batches(campaign.id):
        sending.send_batch(batch_id)
    required = check(campaign)
    assert (required.pending, to_server.accepted) == (100, [])
    with transaction():
        db.session.execute(sa.delete(Outage))
    use(to_server, monkeypatch, tls="opportunistic", timeouts=PATIENT)
    if name == "bytes injected in clear":
        to_server.faults.offer_starttls = False
    work(campaign)

    row("F21", f"TLS: {name}", sums(campaign, to_server, 100))
    encrypted = {bool(entry["tls"]) for entry in to_server.accepted}
    assert encrypted == {name == "certificate of nobody"}
    shown = set(db.session.scalars(sa.select(Delivery.tls)))
    assert shown == encrypted


@pytest.mark.faults
def test_a_size_limit(campaign_to: Make, to_server: FaultServer, row: Add) -> None:
    to_server.faults.size = 20_000
    campaign = campaign_to(some(300), body="x " * 50_000)
    work(campaign)
    db.session.expire_all()

    assert campaign.state == "paused"
    assert "takes 20,000 at most" in campaign.pause_reason
    assert to_server.accepted == []
    refused = check(campaign).failed
    to_server.faults.size = 0
    with transaction():
        scheduling.resume(campaign)
    work(campaign)

    row("F22", "SIZE below the mail: paused with one reason", sums(campaign, to_server, 300))
    assert refused == 1
    assert check(campaign).sent == 299


@pytest.mark.faults
def test_a_rate_limit(
    campaign_to: Make, to_server: FaultServer, monkeypatch: pytest.MonkeyPatch, row: Add
) -> None:
    monkeypatch.setattr(pacing, "SETTLE_S", 1.0)
    monkeypatch.setattr(pacing, "RAISE_EVERY_S", 2.0)
    to_server.faults.rates["limited.example"] = 20
    limited = [f"ok.{i}@limited.example" for i in range(300)]
    campaign = campaign_to([*some(300), *limited])
    work(campaign)
    pace = db.session.query(ProviderPace).one()
    halved = pace.per_minute
    early = Counter(one.rpartition("@")[2] for one in to_server.recipients())
    fastest, end = 0.0, time.monotonic() + 60
    while check(campaign).pending and time.monotonic() < end:
        time.sleep(0.5)
        make_due(campaign)
        sweeping.sweep()
        work(campaign)
        pace = db.session.query(ProviderPace).one()
        fastest = max(fastest, pace.per_minute, 1e9 * (pace.phase == pacing.FREE))

    row("F23", "450 4.2.1 'at a rate' for half, 20 a second taken",
        sums(campaign, to_server, 600))  # fmt: skip
    assert check(campaign).sent == 600
    # Half of what it took until it complained, a few more being on their way by then; nobody else
    # was held up; it recovers.
    assert pace.provider == "limited.example"
    assert 0 <= early["limited.example"] - halved / 60 * 2 <= RelaySettings.max_connections
    assert early["example.com"] == 300
    assert fastest > halved


@pytest.mark.faults
def test_ten_thousand_sessions_mix_nobody_up() -> None:
    assert mismatches(10_000) == []


@pytest.mark.faults
@pytest.mark.alone
def test_one_slow_reader_holds_up_nobody_else(
    campaign_to: Make,
    to_server: FaultServer,
    monkeypatch: pytest.MonkeyPatch,
    row: Add,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each mail takes the server 50 ms, so that its connections set the pace, not this machine."""
    to_server.faults.late_s, to_server.faults.slow_s = 0.05, 0.2
    use(to_server, monkeypatch, timeouts=PATIENT)
    quiet_s = spread_s(to_server, campaign_to(some(800, "late")))
    to_server.accepted.clear()
    slow = campaign_to(["slow.0@example.org", *[f"late.{i}@example.org" for i in range(800)]])
    busy_s = spread_s(to_server, slow)
    with capsys.disabled():
        sys.stdout.write(f"\nF20: {quiet_s / busy_s:.2f} of the rate beside a slow reader\n")

    row("F20", "800 others beside one whose replies dribble", sums(slow, to_server, 801))
    assert quiet_s / busy_s >= 0.8


def spread_s(server: FaultServer, campaign: Campaign) -> float:
    """From the first to the last mail of those who are not slow; all of it worked."""
    before = len(server.accepted)
    work(campaign)
    times = [
        float(str(one["at"]))
        for one in server.accepted[before:]
        if not str(one["rcpt"]).startswith("slow.")
    ]
    return max(times) - min(times)


STRANGE: dict[str, dict[str, Any]] = {
    "no PIPELINING": {"pipelining": False},
    "no ESMTP": {"esmtp": False, "pipelining": False},
    "few mails a connection": {"max_mails": 7},
    "few connections": {"max_connections": 2},
}


@pytest.mark.faults
@pytest.mark.parametrize("name", STRANGE)
def test_strange_servers(campaign_to: Make, to_server: FaultServer, name: str, row: Add) -> None:
    for key, value in STRANGE[name].items():
        setattr(to_server.faults, key, value)
    campaign = campaign_to([*some(270), *some(30, "multi")])
    until_all_is_said(campaign, times=1)

    row("F24", name, sums(campaign, to_server, 300))
    assert check(campaign).sent == 300


@pytest.mark.faults
@pytest.mark.parametrize("options", [("-p",), ("-e",), ("-8",), ("-P",)], ids=lambda one: one[0])
def test_postfix_being_strange(
    campaign_to: Make, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    if MailSink.program() is None:
        pytest.skip("smtp-sink is not installed: apt-get install postfix")
    with MailSink(*options) as sink:
        settings = RelaySettings.from_url(sink.url)
        monkeypatch.setattr(relays, "for_sender", lambda account_id, email: settings)
        campaign = campaign_to(some(300))
        receipt = work(campaign)

    assert receipt.sent == 300
