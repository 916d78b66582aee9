"""Who wants no mail for a while, or a mail now and then only, gets none by any campaign."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.campaigns import audience
from app.contacts import consent, pausing, resting
from app.contacts.models import Consent, Contact, Pause
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid
from app.delivery import claiming, starting
from app.delivery.models import Delivery
from tests.delivery.conftest import states, work

PEOPLE = ["ada@example.com", "ben@example.com", "cem@example.com"]


def person(address: str) -> Contact:
    return db.session.execute(sa.select(Contact).where(Contact.address == address)).scalar_one()


def pause(address: str, days: int = 30) -> None:
    with transaction():
        pausing.pause(person(address), days)


def choose(address: str, per: str) -> None:
    with transaction():
        pausing.choose(person(address), per)


def again(campaign, campaign_to):
    """Another campaign to the same list."""
    (aim,) = campaign.audience
    with transaction():
        other = type(campaign)(
            account_id=campaign.account_id, name="More", subject="More", body="More",
            from_email=campaign.from_email, from_name="Alice", state="sending", started_at=now(),
        )  # fmt: skip
        other.audience.append(type(aim)(list_id=aim.list_id))
        db.session.add(other)
    return other


def test_a_pause_while_a_campaign_is_on_its_way_is_honoured_and_named(campaign_to, to_server):
    campaign = campaign_to(PEOPLE)
    starting.plan(campaign.id)
    pause("ben@example.com")

    receipt = work(campaign)

    assert receipt.skipped == {"paused": 1}
    assert (receipt.intended, receipt.sent) == (3, 2)
    assert states(campaign)["ben@example.com"] == "skipped"
    assert "ben@example.com" not in to_server.recipients()


def test_who_pauses_is_not_planned_and_counted_with_the_reason(campaign_to, to_server):
    campaign = campaign_to(PEOPLE)
    pause("ben@example.com", 90)

    assert audience.count_both(campaign) == (2, {"paused": 1})
    assert work(campaign).intended == 2


def test_a_pause_ends_by_itself(campaign_to, to_server):
    campaign = campaign_to(PEOPLE)
    pause("ben@example.com")
    with transaction():
        db.session.execute(sa.update(Pause).values(until=now() - timedelta(seconds=1)))

    assert resting.paused(person("ben@example.com")) is None
    assert audience.count_both(campaign) == (3, {})
    assert work(campaign).sent == 3


def test_a_pause_can_be_ended_before_its_time(campaign_to, to_server):
    campaign = campaign_to(PEOPLE)
    starting.plan(campaign.id)
    pause("ben@example.com")
    with transaction():
        assert pausing.go_on(person("ben@example.com"))
        assert not pausing.go_on(person("ben@example.com"))

    assert work(campaign).sent == 3
    kinds = db.session.scalars(sa.select(Consent.kind).order_by(Consent.id)).all()
    assert kinds == ["paused", "resumed"]


def test_a_campaign_planned_for_after_the_pause_reaches_them(campaign_to):
    campaign = campaign_to(PEOPLE, state="scheduled", due_at=now() + timedelta(days=31))
    pause("ben@example.com", 30)

    assert audience.count(campaign) == 3


def test_what_was_claimed_and_waited_is_asked_about_again(campaign_to, to_server):
    campaign = campaign_to(PEOPLE)
    starting.plan(campaign.id)
    rows = db.session.scalars(sa.select(Delivery).order_by(Delivery.id)).all()
    ids = [row.id for row in rows]
    aim = claiming.Aim.of(campaign)

    assert claiming.left_out(aim, ids) == set()
    pause("cem@example.com")
    assert claiming.left_out(aim, ids) == {ids[2]}


def test_leaving_is_the_stronger_reason(campaign_to, to_server):
    campaign = campaign_to(PEOPLE)
    starting.plan(campaign.id)
    pause("ben@example.com")
    with transaction():
        consent.withdraw(person("ben@example.com"), source="link")

    assert work(campaign).skipped == {"unsubscribed": 1}


def test_a_pause_from_one_business_holds_for_that_one_only(campaign_to, to_server, charlie):
    campaign = campaign_to(PEOPLE)
    starting.plan(campaign.id)
    with transaction():
        same = Contact(account_id=charlie.account.id, email=PEOPLE[0], address=PEOPLE[0], fields={})
        db.session.add(same)
        db.session.flush()
        pausing.pause(same, 30)

    assert work(campaign).sent == 3


def test_one_a_week_leaves_the_second_campaign_of_a_week_out(campaign_to, to_server):
    first = campaign_to(PEOPLE)
    choose("ada@example.com", "week")
    choose("ben@example.com", "month")
    assert audience.count(first) == 3
    work(first)
    second = again(first, campaign_to)

    assert audience.count_both(second) == (1, {"frequency": 2})
    assert work(second).sent == 1

    _days_pass(8)
    third = again(first, campaign_to)
    assert audience.count_both(third) == (2, {"frequency": 1})
    _days_pass(23)
    fourth = again(first, campaign_to)
    assert audience.count_both(fourth) == (3, {})


def test_a_mail_on_its_way_in_another_campaign_counts(campaign_to, to_server):
    first = campaign_to(PEOPLE)
    choose("ada@example.com", "week")
    starting.plan(first.id)
    second = again(first, campaign_to)

    assert audience.count_both(second) == (2, {"frequency": 1})

    with transaction():
        first.state = "cancelled"
    assert audience.count_both(second) == (3, {})


def test_a_refused_mail_does_not_count(campaign_to, to_server):
    first = campaign_to(["fail550@example.com"])
    choose("fail550@example.com", "week")
    with transaction():
        db.session.add(
            Delivery(campaign_id=first.id, contact_id=person("fail550@example.com").id, batch_id=1,
                     state="failed", sent_at=now())
        )  # fmt: skip
    second = again(first, campaign_to)

    assert audience.count(second) == 1


def test_each_person_counts_once_whatever_they_chose(campaign_to):
    campaign = campaign_to(PEOPLE)
    other = again(campaign, campaign_to)
    starting.plan(other.id)
    choose("ada@example.com", "week")
    pause("ada@example.com")
    pause("ben@example.com")
    choose("cem@example.com", "week")
    with transaction():
        consent.withdraw(person("ben@example.com"), source="link")

    expected = {"unsubscribed": 1, "paused": 1, "frequency": 1}
    assert audience.count_both(campaign) == (0, expected)
    assert not audience.anybody(campaign)


def test_choices_are_idempotent_recorded_and_of_a_kind(campaign_to):
    campaign_to(PEOPLE)
    ada = person("ada@example.com")
    with transaction():
        assert pausing.choose(ada, "week")
        assert not pausing.choose(ada, "week")
        assert pausing.choose(ada, "month")
        assert pausing.choose(ada, "")
        assert not pausing.choose(ada, "")
        with pytest.raises(Invalid):
            pausing.choose(ada, "day")
        with pytest.raises(Invalid):
            pausing.pause(ada, 31)
    assert resting.frequency(ada) == ""
    said = db.session.execute(sa.select(Consent.kind, Consent.evidence).order_by(Consent.id))
    assert [(row.kind, row.evidence["per"]) for row in said] == [
        ("frequency", "week"), ("frequency", "month"), ("frequency", "every mail"),
    ]  # fmt: skip


def test_what_waits_for_another_try_is_skipped_once_they_pause(campaign_to, to_server):
    campaign = campaign_to(PEOPLE)
    starting.plan(campaign.id)
    with transaction():
        waits = sa.update(Delivery).where(Delivery.contact_id == person("ada@example.com").id)
        db.session.execute(waits.values(state="deferred", next_try_at=now() - timedelta(seconds=9)))
    pause("ada@example.com")

    assert work(campaign).skipped == {"paused": 1}
    assert states(campaign)["ada@example.com"] == "skipped"


def _days_pass(days: int) -> None:
    with transaction():
        for row in db.session.scalars(sa.select(Delivery)):
            row.sent_at = row.sent_at and row.sent_at - timedelta(days=days)
            row.claimed_at = row.claimed_at and row.claimed_at - timedelta(days=days)
