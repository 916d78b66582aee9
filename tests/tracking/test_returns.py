"""Bounces and complaints that come back: to the right person, once, and never held against one
who is not at fault."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.accounts.models import Notice
from app.core import spool
from app.core.clock import now
from app.core.db import db, transaction
from app.core.tokens import Purpose, sign_for_address
from app.delivery import bounces, braking
from app.delivery.models import Alarm, Delivery, DiaryEntry, Event, Outage, Tally
from app.delivery.receipts import receipt
from app.tracking import alarms, inbound, returns
from app.tracking.models import Intake
from tests.mailer.test_dsn import addresses, report, rows
from tests.tracking.mails import events, score, send, suppressed

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture
def data():
    if not DATA.exists():
        pytest.skip(f"no sample mails: {DATA.name} is not beside this checkout")
    return DATA


@pytest.fixture
def folder(home):
    folder = home / "inbound"
    for path in folder.rglob("*.eml*"):
        path.unlink()
    folder.mkdir(exist_ok=True)
    return folder


def verp(delivery):
    return f"b+{sign_for_address(Purpose.BOUNCE, delivery.id)}@mail.test"


def message_id(delivery):
    token = sign_for_address(Purpose.MESSAGE, delivery.id)
    return f"c{delivery.campaign_id}.{token}@mail.test"


def drop(folder, to, data, sender=""):
    spool.write(folder, sender, [to], data, durable=False)


def take():
    while inbound.take_mail():
        pass
    db.session.rollback()
    db.session.expire_all()


def test_a_bounce_is_told_by_its_address_not_by_what_it_says(sent, folder):
    drop(folder, verp(sent.deliveries[1]), report("5.1.1", "550 5.1.1 User unknown"))
    before = receipt(sent.campaign.id)

    take()

    (event,) = events()
    assert (event.contact_id, event.verdict, event.fault) == (
        sent.contacts[1].id,
        "hard",
        "mailbox",
    )
    assert suppressed() == {"may1@example.com": "bounced"}
    assert receipt(sent.campaign.id) == before


@pytest.mark.parametrize(
    ("status", "words", "verdict", "fault"),
    [
        ("5.2.2", "552 5.2.2 Mailbox full", "soft", "mailbox_full"),
        ("4.7.1", "450 4.7.1 Greylisted, try again later", "soft", "provider"),
        ("5.7.1", "554 5.7.1 Client host [192.0.2.1] blocked using Spamhaus", "sender",
         "reputation"),
        ("5.7.1", "550 5.7.1 Message rejected as spam by content filter", "sender", "content"),
        ("5.0.0", "", "hard", "unclear"),
    ],
)  # fmt: skip
def test_what_may_pass_or_is_our_fault_suppresses_nobody(
    sent, folder, status, words, verdict, fault
):
    drop(folder, verp(sent.deliveries[0]), report(status, words))

    take()

    (event,) = events()
    assert (event.verdict, event.fault) == (verdict, fault)
    assert event.reason
    assert suppressed() == {}
    assert score(sent, "bounce", verdict) == (1, 1)


def test_the_same_bounce_twice_is_one(sent, folder):
    soft = report("5.2.2", "552 5.2.2 Mailbox full")
    for data in (soft, soft, b"Message-ID: <one@mx.example>\r\n" + soft):
        drop(folder, verp(sent.deliveries[0]), data)

    take()

    assert len(events()) == 1
    assert score(sent, "bounce", "soft") == (1, 1)


def test_real_bounces_reach_the_person_of_the_address_and_nobody_else(alice, folder, data):
    listed = list(rows(data / "bounces" / "expected.csv"))
    sent = send(alice.account, people=len(listed))
    for row, delivery in zip(listed, sent.deliveries, strict=True):
        drop(folder, verp(delivery), (data / "bounces" / "messages" / row["file"]).read_bytes())

    take()

    by_delivery = {event.delivery_id: event for event in events()}
    wrong = []
    for row, delivery in zip(listed, sent.deliveries, strict=True):
        is_bounce = bool(addresses(row["permanent_recipients"] + row["temporary_recipients"]))
        event = by_delivery.get(delivery.id)
        if is_bounce != bool(event) or (
            event and event.verdict == "hard" and not addresses(row["permanent_recipients"])
        ):
            wrong.append(row["file"])
    assert wrong == []
    ours = {contact.address for contact in sent.contacts}
    assert set(suppressed()) <= ours


@pytest.mark.parametrize("box", ["fbl", "abuse", "verp"])
def test_complaints_find_the_mail_that_they_quote(alice, folder, data, box):
    listed = list(rows(data / "complaints" / "expected.csv"))
    sent = send(alice.account, people=20)
    expected = set()
    for n, row in enumerate(listed):
        raw = (data / "complaints" / row["file"]).read_bytes()
        is_ours = re.search(rb"c42\.r\d+@mail\.shop\.example", raw)
        raw = re.sub(
            rb"c42\.r\d+@mail\.shop\.example", message_id(sent.deliveries[n]).encode(), raw
        )
        to = verp(sent.deliveries[n]) if box == "verp" else f"{box}@mail.test"
        drop(folder, to, raw, sender="fbl@isp.example")
        if row["action"].startswith(("suppress", "record")) and (is_ours or box == "verp"):
            expected.add(sent.contacts[n].address)
        if box == "verp" and row["file"] in ("forged_for_stranger.eml", "truncated.eml"):
            expected.add(sent.contacts[n].address)

    take()

    assert set(suppressed()) == expected
    assert set(suppressed().values()) == {"complaint"}
    assert len(events("complaint")) == len(expected) == score(sent, "complaint", "")[0]


def test_a_redacted_complaint_is_found_by_the_return_path_or_the_way_out(sent, folder):
    token = sign_for_address(Purpose.UNSUBSCRIBE, sent.deliveries[2].id)
    raw = (
        "From: fbl@isp.example\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=feedback-report; boundary=x\r\n\r\n"
        "--x\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n"
        "User-Agent: X/1\r\nVersion: 1\r\n\r\n"
        "--x\r\nContent-Type: message/rfc822\r\n\r\nFrom: news@bakery.example\r\n"
        "To: redacted@redacted.example\r\nMessage-ID: <redacted>\r\n"
        f"List-Unsubscribe: <https://x.example/u>,\r\n <mailto:u+{token}@mail.test>\r\n\r\nHi\r\n"
        "--x--\r\n"
    ).encode()
    drop(folder, "FBL@mail.test", raw, sender="fbl@isp.example")

    take()

    assert suppressed() == {"may2@example.com": "complaint"}


def test_forged_reports_suppress_nobody_and_are_counted(sent, folder):
    hard = report("5.1.1", "550 5.1.1 User unknown")
    wrong = sign_for_address(Purpose.MESSAGE, sent.deliveries[0].id)
    drop(folder, f"b+{wrong}@mail.test", hard)
    drop(folder, "b+00aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@mail.test", hard)
    forged = (
        "Content-Type: multipart/report; report-type=feedback-report; boundary=x\r\n\r\n"
        "--x\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n\r\n"
        "--x\r\nContent-Type: message/rfc822\r\n\r\n"
        f"Message-ID: <c{sent.campaign.id}.d{sent.deliveries[0].id}@mail.test>\r\n"
        "To: may0@example.com\r\n\r\nHi\r\n--x--\r\n"
    ).encode()
    drop(folder, "abuse@mail.test", forged, sender="bad@example.com")

    take()

    assert suppressed() == {}
    assert not events()
    assert not events("complaint")
    assert db.session.get(Intake, "forged").cursor == "3"


def test_a_person_writing_to_abuse_comes_to_the_operators_desk(sent, folder):
    desk = folder.parent / "desk"
    before = set(desk.glob("*.eml"))
    drop(
        folder, "abuse@mail.test", b"Subject: Hello\r\n\r\nPlease look.\r\n", sender="v@example.com"
    )

    take()

    assert len(set(desk.glob("*.eml")) - before) == 1


def test_an_absence_note_is_no_bounce_but_proves_that_the_mail_left(alice, folder):
    sent = send(alice.account, state="uncertain")
    away = b"Subject: Out of office\r\nAuto-Submitted: auto-replied\r\n\r\n550 5.1.1 gone\r\n"
    drop(folder, verp(sent.deliveries[0]), away)

    take()

    assert not events()
    assert suppressed() == {}
    assert db.session.get(Delivery, sent.deliveries[0].id).state == "sent"
    assert receipt(sent.campaign.id).uncertain == 0


QUOTING = (
    "   ----- The following addresses had permanent fatal errors -----\r\n<bob@example.com>\r\n"
    "    (reason: 550 5.1.1 <bob@example.com>... User unknown)\r\n"
    "   ----- Transcript of session follows -----\r\n"
)


@pytest.mark.parametrize("subject", ["Re: Rolls", "AW: Rolls", "RE[2]: Rolls"])
def test_a_persons_answer_to_the_bounce_address_proves_arrival(alice, folder, subject):
    sent = send(alice.account, state="uncertain")
    named = message_id(sent.deliveries[0])
    answer = (
        f"From: Vera <may0@example.com>\r\nSubject: {subject}\r\nIn-Reply-To: <{named}>\r\n\r\n"
        f"Thanks. What is this that came when I told Bob?\r\n\r\n{QUOTING}"
    )
    drop(folder, verp(sent.deliveries[0]), answer.encode(), sender="may0@example.com")

    take()

    assert receipt(sent.campaign.id).sent == 1
    assert (events(), suppressed()) == ([], {})


def test_an_absence_note_to_the_way_out_takes_nobody_out_and_proves_arrival(alice, folder):
    sent = send(alice.account, state="uncertain")
    token = sign_for_address(Purpose.UNSUBSCRIBE, sent.deliveries[0].id)
    away = b"Subject: Away\r\nAuto-Submitted: auto-replied\r\n\r\nBack on Monday.\r\n"
    drop(folder, f"u+{token}@mail.test", away, sender="may0@example.com")

    take()

    assert receipt(sent.campaign.id).sent == 1
    assert suppressed() == {}


def test_a_reply_proves_arrival(alice):
    sent = send(alice.account, state="uncertain")
    reply = f"Subject: Re\r\nIn-Reply-To: <{message_id(sent.deliveries[0])}>\r\n\r\nThanks\r\n"
    letter = returns.read("may0@example.com", reply.encode())
    with transaction():
        assert returns.arrived(letter, account_id=sent.account.id + 1) == 0
        assert returns.arrived(letter, account_id=sent.account.id) == 1

    assert receipt(sent.campaign.id).sent == 1


def bounce_again(person, days_ago, *, words="450 4.1.1 User unknown for now"):
    """One more campaign to the same person, which bounced so many days ago."""
    more = send(person.account, name=f"Day{days_ago}x news")
    delivery, at = more.deliveries[0], now() - timedelta(days=days_ago)
    with transaction():
        delivery = db.session.get(Delivery, delivery.id)
        delivery.contact_id = person.contacts[0].id
        delivery.sent_at = at
        if words:
            bounces.take(delivery.id, report("4.1.1", words, action="delayed"))
            db.session.flush()
            last = db.session.scalar(sa.select(sa.func.max(Event.id)))
            db.session.get(Event, last).at = at


def test_soft_bounces_add_up_over_time_and_campaigns(sent):
    with transaction():
        db.session.get(Delivery, sent.deliveries[0].id).sent_at = now() - timedelta(days=60)
    for days_ago in (40, 30, 20, 10):
        bounce_again(sent, days_ago)
        assert suppressed() == {}

    bounce_again(sent, 0)

    assert suppressed() == {"may0@example.com": "bounced"}


def test_a_mail_that_arrived_between_starts_anew(sent):
    for days_ago in (40, 30, 20):
        bounce_again(sent, days_ago)
    bounce_again(sent, 15, words="")
    for days_ago in (10, 0):
        bounce_again(sent, days_ago)

    assert suppressed() == {}


def test_five_in_a_week_are_not_enough(sent):
    with transaction():
        db.session.get(Delivery, sent.deliveries[0].id).sent_at = now() - timedelta(days=60)
    for days_ago in (5, 4, 3, 2, 1, 0):
        bounce_again(sent, days_ago)

    assert suppressed() == {}


def complaint(sent, folder, people):
    for delivery in sent.deliveries[:people]:
        raw = (
            "Content-Type: multipart/report; report-type=feedback-report; boundary=x\r\n\r\n"
            "--x\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n\r\n"
            f"--x\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <{message_id(delivery)}>\r\n"
            "\r\nHi\r\n--x--\r\n"
        )
        drop(folder, "fbl@mail.test", raw.encode(), sender="fbl@isp.example")


def under_way(sent, n):
    with transaction():
        sent.campaign.state = "sending"
        db.session.merge(sent.campaign)
        db.session.merge(Tally(campaign_id=sent.campaign.id, state="sent", reason="", n=n))


def test_three_complaints_in_a_thousand_stop_the_campaign_once(sent, folder):
    under_way(sent, 1000)
    complaint(sent, folder, 2)
    take()
    alarms.tell()
    db.session.refresh(sent.campaign)
    assert sent.campaign.state == "sending"
    (warned,) = db.session.scalars(sa.select(Notice)).all()
    assert warned.to_email == "alice@bakery.example"

    complaint(sent, folder, 3)
    take()

    db.session.refresh(sent.campaign)
    assert sent.campaign.state == "paused"
    assert "3 of 1,000 readers (0.3%)" in sent.campaign.pause_reason
    assert alarms.tell() == 1
    assert alarms.tell() == 0
    newest = db.session.scalars(sa.select(Notice).order_by(Notice.id.desc())).first()
    assert newest.subject == "Paused: “May news”"
    assert f"/campaigns/{sent.campaign.id}/bounces" in newest.text
    diary = db.session.scalars(sa.select(DiaryEntry.text)).all()
    assert len([text for text in diary if text.startswith("Paused: ")]) == 1


def test_who_resumes_is_not_stopped_at_the_next_complaint(sent, folder):
    under_way(sent, 1000)
    complaint(sent, folder, 3)
    take()
    with transaction():
        assert db.session.get(type(sent.campaign), sent.campaign.id).move("paused", to="sending")

    with transaction():
        braking.look(sent.campaign.id)

    db.session.refresh(sent.campaign)
    assert sent.campaign.state == "sending"


def test_one_bounce_in_twenty_stops_the_campaign_after_a_hundred(alice, folder):
    sent = send(alice.account, people=6)
    under_way(sent, 99)
    for delivery in sent.deliveries:
        drop(folder, verp(delivery), report("5.1.1", "550 5.1.1 User unknown"))
    take()
    db.session.refresh(sent.campaign)
    assert sent.campaign.state == "sending"

    under_way(sent, 100)
    with transaction():
        braking.look(sent.campaign.id)

    db.session.refresh(sent.campaign)
    assert sent.campaign.state == "paused"
    assert db.session.get(Alarm, (sent.campaign.id, "bounces")).n == 6


def test_a_mail_server_that_stays_away_is_told_once(sent):
    with transaction():
        for relay, minutes in (("a@x:25", 30), ("b@x:25", 1)):
            since = now() - timedelta(minutes=minutes)
            db.session.add(
                Outage(
                    relay=relay, since=since, until=now(), reason="It refuses the password.",
                    campaign_id=sent.campaign.id,
                )
            )  # fmt: skip

    assert alarms.tell() == 1
    assert alarms.tell() == 0
    (notice,) = db.session.scalars(sa.select(Notice)).all()
    assert "It refuses the password." in notice.text
    assert "x:25 has not answered" in " ".join(notice.text.split())
    # It was sent by others meanwhile, or is over.
    assert "is waiting: since" not in notice.text
    assert "No campaign of yours is waiting for it." in notice.text


def test_a_storm_of_bounces_is_over_quickly_in_bounded_memory(alice, folder):
    import resource

    n = 500
    sent = send(alice.account, people=n)
    for delivery in sent.deliveries:
        drop(folder, verp(delivery), report("5.1.1", "550 5.1.1 User unknown") + b"x" * 4000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()

    take()

    took = time.monotonic() - began
    assert len(events()) == n
    # Ten thousand in ten minutes, on a machine that has many other things to do.
    assert took < 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000
