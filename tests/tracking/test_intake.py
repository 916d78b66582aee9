"""From hits to Events and counters: each once, people once, machines apart."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
import sqlalchemy as sa

from app.core import queue_server
from app.core.db import db, transaction
from app.core.tokens import Purpose, sign
from app.delivery.models import Event
from app.tracking import hits, intake, writing
from app.tracking.models import Reader
from app.tracking.verdicts import Look
from tests.tracking.mails import READER, hours, score, send


def events(sent, **where):
    db.session.rollback()
    rows = sa.select(Event).where(Event.campaign_id == sent.campaign.id).order_by(Event.id)
    return db.session.scalars(rows.filter_by(**where)).all()


def note(kind, delivery, target=0, *, ms=None, verdict="human", block=""):
    """A hit as the web notes it, at a moment of our choice."""
    moment = ms if ms is not None else int(time.time() * 1000)
    line = hits.json.dumps(
        [hits.number(moment), kind, delivery.id, target, moment, verdict, "", block]
    )
    queue_server.client().xadd(hits.STREAM, {"h": line})


def test_an_open_and_a_click_are_told_with_the_person(client, sent):
    client.get(sent.open(0), headers=READER)
    client.get(sent.click(1), headers=READER)

    assert intake.take_hits() == 2

    opened, clicked = events(sent)
    assert (opened.kind, opened.verdict, opened.contact_id) == (
        "open",
        "human",
        sent.contacts[0].id,
    )
    assert (clicked.kind, clicked.link_id) == ("click", sent.links[0].id)
    assert score(sent, "open") == (1, 2)
    assert score(sent, "click") == (1, 1)
    assert score(sent, "click", link=0) == (1, 1)
    assert hours(sent, "open") == hours(sent, "click") == 1


def test_a_thousand_replays_count_one_person(client, sent):
    for _ in range(1000):
        client.get(sent.open(), headers=READER)

    assert intake.take_hits() == 1000

    assert score(sent, "open") == (1000, 1)
    assert len(events(sent)) == writing.MOST_ROWS


def test_replays_of_clicks_count_one_person_per_link(client, sent):
    for _ in range(100):
        client.get(sent.click(0, 0), headers=READER)
    intake.take_hits()
    time.sleep(2.1)
    client.get(sent.click(0, 1), headers=READER)
    intake.take_hits()

    assert score(sent, "click") == (101, 1)
    assert score(sent, "click", link=0) == (100, 1)
    assert score(sent, "click", link=1) == (1, 1)


def test_head_is_a_machine_and_gets_its_answer(client, sent):
    assert client.head(sent.click(), headers=READER).status_code == 302
    assert client.head(sent.open(), headers=READER).status_code == 200
    intake.take_hits()

    assert score(sent, "click", "machine") == (1, 1)
    assert score(sent, "open", "machine") == (1, 1)
    assert score(sent, "click") == score(sent, "open") == (0, 0)


def test_a_machine_and_a_person_are_told_apart_for_one_mail(client, sent):
    client.get(sent.click(), headers={"User-Agent": "Barracuda Link Protection"})
    client.get(sent.click(), headers=READER)
    intake.take_hits()

    assert [event.verdict for event in events(sent)] == ["machine", "human"]
    assert events(sent)[0].reason == "Barracuda"
    assert score(sent, "click") == (1, 1)


def test_a_burst_whose_first_hit_passed_as_a_person_is_corrected(client, sent):
    moment = int(time.time() * 1000)
    note("open", sent.deliveries[0], ms=moment)
    note("click", sent.deliveries[0], sent.links[0].id, ms=moment + 100)
    intake.take_hits()
    assert score(sent, "click") == (1, 1)
    for n in (1, 2, 3):
        note("click", sent.deliveries[0], sent.links[n].id, ms=moment + 100 + n * 200)
    intake.take_hits()

    assert score(sent, "click") == score(sent, "open") == (0, 0)
    assert score(sent, "click", link=0) == (0, 0)
    assert score(sent, "click", "machine") == (4, 1)
    assert score(sent, "open", "machine") == (1, 1)
    assert hours(sent, "click") == 0
    assert hours(sent, "click", "machine") == 4
    reader = db.session.get(Reader, sent.deliveries[0].id)
    assert reader.opened_at is None
    assert reader.clicked_at is None
    assert reader.machine_clicked_at is not None
    assert {event.verdict for event in events(sent)} == {"machine"}
    assert all(event.reason for event in events(sent))


def test_a_persons_earlier_click_survives_a_later_scan(client, sent):
    moment = int(time.time() * 1000)
    note("click", sent.deliveries[0], sent.links[0].id, ms=moment - 60_000)
    intake.take_hits()
    for n in (1, 2, 3):
        note("click", sent.deliveries[0], sent.links[n].id, ms=moment + n * 100)
        intake.take_hits()

    assert score(sent, "click") == (1, 1)
    assert score(sent, "open") == (0, 1)
    assert score(sent, "click", "machine") == (3, 1)


def test_a_person_may_click_after_a_scan(client, sent):
    moment = int(time.time() * 1000) - 60_000
    for n in range(4):
        note("click", sent.deliveries[0], sent.links[n].id, ms=moment + n * 10)
    intake.take_hits()
    note("click", sent.deliveries[0], sent.links[0].id, ms=moment + 30_000)
    intake.take_hits()

    assert score(sent, "click") == (1, 1)
    assert score(sent, "click", "machine") == (4, 1)


def test_in_aggregate_mode_only_numbers_are_kept(client, alice):
    sent = send(alice.account, people=2, tracking="aggregate")
    client.get(f"/o/{sign(Purpose.OPEN, 0, sent.campaign.id)}.gif", headers=READER)
    client.get(f"/c/{sign(Purpose.CLICK, 0, sent.links[0].id)}", headers=READER)
    client.get(sent.open(1), headers=READER)
    intake.take_hits()

    assert score(sent, "open") == (2, 0)
    assert score(sent, "click") == (1, 0)
    assert score(sent, "click", link=0) == (1, 0)
    assert not events(sent)
    assert not db.session.scalars(sa.select(Reader)).all()


def test_who_asked_not_to_be_counted_is_no_person(client, sent):
    with transaction():
        sent.contacts[0].tracking_off = True
    client.get(sent.open(0), headers=READER)
    intake.take_hits()

    assert score(sent, "open") == (1, 0)
    assert not events(sent)


def test_hits_for_what_was_removed_are_dropped(client, sent):
    client.get(f"/o/{sign(Purpose.OPEN, 999_999)}.gif", headers=READER)
    client.get(f"/o/{sign(Purpose.OPEN, 0, 999_999)}.gif", headers=READER)
    queue_server.client().xadd(hits.STREAM, {"h": "no hit at all"})
    queue_server.client().xadd(hits.STREAM, {"other": "x"})
    for poison in (
        [1 << 70, "open", 1, 0, 1, "human", "", ""],
        [1, "open", -1, 0, 1, "human", "", ""],
        [1, "open", 1, 0, 1 << 60, "human", "", ""],
        [1, "open", 1, 0, 1, "a verdict too long for its column", "", ""],
    ):
        queue_server.client().xadd(hits.STREAM, {"h": hits.json.dumps(poison)})

    assert intake.take_hits() == 8
    assert intake.take_hits() == 0
    assert not events(sent)


def test_a_hit_that_was_sent_twice_is_written_once(sent):
    line = hits.json.dumps([hits.number(1), "open", sent.deliveries[0].id, 0, 1, "human", "", ""])
    for _ in range(2):
        queue_server.client().xadd(hits.STREAM, {"h": line})
        intake.take_hits()
        queue_server.client().xadd(hits.STREAM, {"h": line})
        intake.take_hits()

    assert len(events(sent)) == 1


def test_two_takers_at_once_count_everything_once(whole_app, client, sent):
    for n in range(3000):
        note("open", sent.deliveries[n % 3], ms=1_700_000_000_000 + n)

    def take():
        with whole_app.app_context():
            for _ in range(5):
                intake.take_hits()
            db.session.remove()

    takers = [threading.Thread(target=take) for _ in range(3)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()
    intake.forget()
    intake.take_hits()

    assert sum(score(sent, "open", verdict)[0] for verdict in ("human", "machine")) == 3000


@pytest.mark.parametrize("moment", ["before the commit", "before the trimming"])
def test_a_taker_that_is_killed_loses_and_doubles_nothing(whole_app, sent, monkeypatch, moment):
    for n in range(10):
        note("open", sent.deliveries[n % 3], ms=1_700_000_000_000 + n * 5000)
    db.session.rollback()
    db.session.remove()
    db.engine.dispose()

    child = os.fork()
    if not child:
        _die_at(moment)
    os.waitpid(child, 0)
    intake.forget()
    intake.take_hits()
    intake.take_hits()

    hits_in_all = sum(score(sent, "open", verdict)[0] for verdict in ("human", "machine"))
    assert hits_in_all == 10
    assert len(events(sent)) == 10


def _die_at(moment):
    """In a process of its own: take the hits and be killed on the way."""

    def die(*_args, **_options):
        os.kill(os.getpid(), signal.SIGKILL)

    if moment == "before the commit":
        write = writing.write
        intake.writing.write = lambda before, fresh: (write(before, fresh), die())
    else:
        intake._tidy = die
    try:
        intake.take_hits()
    finally:
        os._exit(1)


def test_the_stream_is_tidied_and_an_emptied_server_starts_anew(client, sent):
    for n in range(5):
        client.get(sent.open(n % 3), headers=READER)
    intake.take_hits()
    queue_server.client().flushall()
    queue_server.client().xadd(hits.STREAM, {"h": "an old clock"}, id="1-1")
    note_at = queue_server.client().xlen(hits.STREAM)

    assert note_at == 1
    assert intake.take_hits() == 1
    client.get(sent.open(0), headers=READER)
    assert intake.take_hits() == 1
    assert score(sent, "open") == (6, 3)


def test_old_hits_leave_the_stream(client, sent, monkeypatch):
    client.get(sent.open(0), headers=READER)
    intake.take_hits()
    monkeypatch.setattr(intake, "CONTEXT_MS", 0)
    time.sleep(0.01)
    client.get(sent.open(1), headers=READER)
    intake.take_hits()

    assert queue_server.client().xlen(hits.STREAM) == 1


def test_the_web_answers_while_hits_are_written(client, sent):
    """A record never raises, whatever its arguments meet."""
    hits.record("open", sent.deliveries[0].id, 0, look=Look("human", "ä" * 300), block="")
    intake.take_hits()

    assert len(events(sent)[0].reason) == 200
