"""A campaign under a warm-up plan, day by day."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import time_machine

from app.accounts import mail_servers, relays, warming
from app.accounts.models import Sender, WarmUp
from app.campaigns import checks, jobs
from app.contacts.segments import counting
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid, NotFound, WrongState
from app.delivery import allowing, progress, reading, sending, starting, sweeping
from app.mailer.smtp import RelaySettings
from tests.delivery.conftest import check, work

MORNING = datetime(2026, 6, 1, 8, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def clock():
    with time_machine.travel(MORNING, tick=True) as traveller:
        yield traveller


@pytest.fixture
def sender(alice):
    with transaction():
        db.session.add(
            Sender(account_id=alice.account.id, email="alice@bakery.example", confirmed_at=now())
        )
    return alice


def start(person, key="domain:bakery.example", goal=5000):
    with transaction():
        return warming.start(person.account, person.member, key, goal=goal)


def diary(campaign):
    return [entry.text for entry in reading.diary(campaign)]


@pytest.mark.flow
def test_a_campaign_goes_out_day_by_day(clock, sender, campaign_to, to_server):
    start(sender)
    campaign = campaign_to([f"v{n}@example.com" for n in range(160)])

    assert work(campaign).sent == 50
    assert work(campaign).sent == 50
    told = [text for text in diary(campaign) if "warmed up" in text]
    assert told == [
        (
            "bakery.example is being warmed up: today's 50 mails have gone. "
            "Tomorrow it may send 75. It goes on at 00:00 UTC."
        )
    ]
    assert progress.progress(campaign).waiting_for.endswith("This campaign goes on at 00:00.")

    clock.shift(DAY)
    assert not progress.progress(campaign).waiting_for
    sweeping.sweep()
    assert work(campaign).sent == 125

    clock.shift(DAY)
    sweeping.sweep()
    assert work(campaign).sent == 160
    assert check(campaign).pending == 0
    row = db.session.query(WarmUp).one()
    assert (row.step, row.in_day, row.state) == (2, 35, "active")


def test_a_plan_that_reached_its_goal_ends_by_itself(clock, sender, campaign_to, to_server):
    row = start(sender, goal=100)
    with transaction():
        row.step, row.in_day = 2, 100
    clock.shift(DAY)

    assert work(campaign_to([f"v{n}@example.com" for n in range(130)])).sent == 130
    db.session.refresh(row)
    assert (row.state, row.ended_at is None) == ("ended", False)


def test_a_paused_plan_limits_nothing_and_an_ended_one_neither(
    clock, sender, campaign_to, to_server
):
    row = start(sender)
    with transaction():
        warming.pause(sender.account, sender.member, row)
    assert work(campaign_to([f"a{n}@example.com" for n in range(60)])).sent == 60

    with transaction():
        warming.resume(sender.account, sender.member, row)
    assert work(campaign_to([f"b{n}@example.com" for n in range(60)])).sent == 50

    with transaction():
        warming.end(sender.account, sender.member, row)
    assert work(campaign_to([f"c{n}@example.com" for n in range(60)])).sent == 60
    with pytest.raises(WrongState), transaction():
        warming.resume(sender.account, sender.member, row)


def test_another_domain_and_another_account_are_not_held_up(
    clock, sender, charlie, campaign_to, to_server
):
    start(sender)
    campaign = campaign_to(
        [f"v{n}@example.com" for n in range(60)], from_email="alice@cakes.example"
    )

    assert work(campaign).sent == 60
    with pytest.raises(NotFound):
        warming.find(charlie.account, db.session.query(WarmUp).one().id)
    with pytest.raises(NotFound):
        start(charlie)


def test_what_a_new_server_may_not_an_old_one_carries(clock, alice, server, campaign_to):
    with transaction():
        alice.account.vouched = True
        db.session.merge(alice.account)
        new, old = (
            mail_servers.set_up(
                alice.account, alice.member, host="127.0.0.1", port=server.port, tls="none",
                terms=mail_servers.Terms(weight=weight),
            )
            for weight in (1, 0)
        )  # fmt: skip
    row = start(alice, warming.server_key(new))
    campaign = campaign_to([f"v{n}@example.com" for n in range(120)])

    assert work(campaign).sent == 120
    db.session.refresh(row)
    assert row.in_day == 50
    assert warming.days_for(alice.account.id, "alice@bakery.example", 120) is None
    with transaction():
        mail_servers.remove(alice.account, alice.member, old)
    assert warming.days_for(alice.account.id, "alice@bakery.example", 75) == 2


def test_one_plan_at_a_time_and_a_goal_that_means_something(sender):
    start(sender)

    with pytest.raises(WrongState):
        start(sender)
    with pytest.raises(Invalid):
        warming.check_goal(99)
    with pytest.raises(NotFound):
        start(sender, "domain:gmail.com")


def test_the_preflight_says_how_many_days(clock, sender, campaign_to):
    campaign = campaign_to([f"v{n}@example.com" for n in range(160)], state="draft")

    def found():
        return [one for one in checks.preflight(campaign) if one.code == "warm_up"]

    assert found() == []
    start(sender)
    assert [(one.level, one.title) for one in found()] == [("warn", "It takes 3 days.")]


def test_workers_at_once_never_get_more_than_a_plan_allows(whole_app, sender):
    row_id = start(sender).id
    relay, given = RelaySettings("mx.example"), []

    def worker():
        with whole_app.app_context():
            for _ in range(10):
                with transaction():
                    given.append(allowing.take(relay, 3, allowing.Limits((row_id,))))
            db.session.remove()

    workers = [threading.Thread(target=worker) for _ in range(4)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()

    assert sum(given) == 50
    with transaction():
        allowing.give_back(relay, 4, allowing.Limits((row_id,)))
        assert allowing.take(relay, 9, allowing.Limits((row_id,))) == 4


def test_mail_without_a_plan_asks_for_one_only_at_the_start_of_a_run(campaign_to, to_server):
    campaign = campaign_to([f"v{n}@example.com" for n in range(300)])
    asked = []

    def listen(connection, cursor, statement, *rest):
        asked.append("warm_up" in statement)

    sa.event.listen(db.engine, "before_cursor_execute", listen)
    try:
        assert work(campaign).sent == 300
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", listen)

    assert sum(asked) == 2


# Pages


def test_the_owner_sees_what_will_happen_and_switches_it_on(
    clock, client, sender, campaign_to, to_server
):
    campaign_to([f"v{n}@example.com" for n in range(160)], name="May news")
    client.sign_in(sender)
    assert "No plan: it may send as much as you like." in client.get("/settings/warm-up").text

    page = client.get("/settings/warm-up/plan?subject=domain:bakery.example&goal=2000").text
    assert "Today at most" in page
    assert "are reached on day 11." in page
    assert "“May news” has 160 mails to go: that will take 3 days." in page.replace("\n", " ")

    client.post("/settings/warm-up", data={"subject": "domain:bakery.example", "goal": "2000"})
    row = db.session.query(WarmUp).one()
    page = client.get("/settings/warm-up").text
    assert "Day 1 of 11, on the way to 2,000 mails a day." in page
    for verb, state in (("pause", "paused"), ("resume", "active"), ("end", "ended")):
        assert client.post(f"/settings/warm-up/{row.id}/{verb}").status_code == 303
        db.session.refresh(row)
        assert row.state == state


def test_the_page_counts_nobody_in_a_large_account(
    client, sender, campaign_to, to_server, monkeypatch
):
    campaign = campaign_to([f"v{n}@example.com" for n in range(160)], name="May news")
    monkeypatch.setattr(counting, "is_small", lambda account_id: False)
    asked = []
    monkeypatch.setattr(jobs, "wake_count", lambda *of: asked.append(of) or True)
    client.sign_in(sender)
    url = "/settings/warm-up/plan?subject=domain:bakery.example&goal=2000"

    page = client.get(url).text

    assert '“May news” <span role="status">is being counted…</span>' in page
    assert asked == [(campaign.id, campaign.version)]
    jobs.count_people(campaign.id)
    region = client.get(url, headers={"HX-Request": "true"}).text
    assert "has 160 mails to go: that will take 3 days." in region
    assert "<html" not in region
    assert "hx-get" not in region
    assert len(asked) == 1


def test_a_goal_that_makes_no_sense_is_said_beside_the_field(client, sender):
    client.sign_in(sender)

    for goal in ("7", "", "lots"):
        answer = client.get(f"/settings/warm-up/plan?subject=domain:bakery.example&goal={goal}")
        assert answer.status_code == 422
        answer = client.post(
            "/settings/warm-up", data={"subject": "domain:bakery.example", "goal": goal}
        )
        assert answer.status_code == 422
        assert "Enter a number" in answer.text
    assert db.session.query(WarmUp).count() == 0


def test_editors_switch_no_plan_on(client, sender, bob):
    client.sign_in(bob)

    answer = client.post(
        "/settings/warm-up", data={"subject": "domain:bakery.example", "goal": "2000"}
    )

    assert answer.status_code == 403


@pytest.mark.flow
def test_a_server_that_is_away_uses_up_no_day_of_the_plan(clock, sender, campaign_to, monkeypatch):
    away = RelaySettings("127.0.0.1", 1)
    monkeypatch.setattr(relays, "for_sender", lambda account_id, email: away)
    start(sender)
    campaign = campaign_to([f"v{n}@example.com" for n in range(80)])
    starting.plan(campaign.id)

    for batch_id in sweeping.waiting_batches(campaign.id):
        sending.send_batch(batch_id)

    db.session.rollback()
    row = db.session.query(WarmUp).one()
    assert (row.step, row.in_day, check(campaign).pending) == (0, 0, 80)
    assert not [text for text in diary(campaign) if "warmed up" in text]
