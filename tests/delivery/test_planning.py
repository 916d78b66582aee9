"""Planning: everybody once, whatever happens meanwhile."""

from __future__ import annotations

from threading import Thread
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.campaigns.models import Campaign, CampaignAudience
from app.contacts import changes, suppressions
from app.contacts.models import Contact, ContactList, Subscription
from app.core.clock import now
from app.core.db import db, transaction
from app.delivery import planning, receipts, tallying
from app.delivery.models import Batch, Delivery
from app.tracking import merging
from tests.conftest import Person


def people(account_id: int, n: int) -> ContactList:
    """A list with n people on it."""
    with transaction():
        chosen = ContactList(account_id=account_id, name=f"List of {n}")
        db.session.add(chosen)
        db.session.flush()
        contacts = [
            Contact(account_id=account_id, email=f"r{i}@example.com", address=f"r{i}@example.com")
            for i in range(n)
        ]
        db.session.add_all(contacts)
        db.session.flush()
        db.session.add_all(
            Subscription(contact_id=one.id, list_id=chosen.id, account_id=account_id)
            for one in contacts
        )
    return chosen


def sending_to(chosen: ContactList) -> Campaign:
    with transaction():
        campaign = Campaign(
            account_id=chosen.account_id, name="News", state="sending", started_at=now()
        )
        campaign.audience.append(CampaignAudience(list_id=chosen.id))
        db.session.add(campaign)
    return campaign


def planned(campaign: Campaign) -> list[int | None]:
    db.session.rollback()
    return list(
        db.session.scalars(
            sa.select(Delivery.contact_id).where(Delivery.campaign_id == campaign.id)
        )
    )


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "BATCH_SIZE", 7)
    monkeypatch.setattr(planning, "BATCHES_AT_ONCE", 2)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("n", [0, 1, 7, 14, 15, 100])
def test_everybody_is_planned_once_in_batches_that_add_up(alice: Person, n: int) -> None:
    campaign = sending_to(people(alice.account.id, n))

    assert planning.plan(campaign) == n

    assert len(set(planned(campaign))) == n
    assert receipts.receipt(campaign.id).intended == n
    assert db.session.scalar(sa.select(sa.func.coalesce(sa.func.sum(Batch.size), 0))) == n
    assert db.session.get_one(Campaign, campaign.id, populate_existing=True).planned_at


def test_the_suppressed_are_not_planned(alice: Person) -> None:
    campaign = sending_to(people(alice.account.id, 3))
    with transaction():
        suppressions.add(alice.account.id, "r1@example.com", reason="unsubscribed")

    assert planning.plan(campaign) == 2


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize(
    ("module", "step"),
    [(planning, "_reserve_ids"), (planning, "_fill"), (tallying, "shift")],
)
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_planning_goes_on_where_a_crash_left_it(
    alice: Person, monkeypatch: pytest.MonkeyPatch, module: ModuleType, step: str, nth: int
) -> None:
    """At whatever step it was."""
    chosen = people(alice.account.id, 50)
    campaign = sending_to(chosen)
    work, calls = getattr(module, step), []

    def crash(*arguments: object, **more: object) -> object:
        calls.append(arguments)
        if len(calls) == nth:
            raise KeyboardInterrupt
        return work(*arguments, **more)

    monkeypatch.setattr(module, step, crash)
    with pytest.raises(KeyboardInterrupt):
        planning.plan(campaign)
    # What is written has no gap.
    in_order = db.session.scalars(sa.select(Contact.id).order_by(Contact.id)).all()
    written = planned(campaign)
    assert len(written) < 50
    assert set(written) == set(in_order[: len(written)])
    assert receipts.receipt(campaign.id).pending == len(written)

    assert planning.plan(campaign) == 50 - len(written)
    assert sorted(map(int, filter(None, planned(campaign)))) == list(in_order)
    assert receipts.receipt(campaign.id).pending == 50
    sizes = sa.select(sa.func.sum(Batch.size)).where(Batch.size > 0)
    assert db.session.scalar(sizes) == 50
    assert not db.session.scalar(sa.select(Batch.id).where(Batch.size == 0))


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("written", [1, 2])
def test_a_merge_in_the_middle_leaves_nobody_out_and_mails_nobody_twice(
    alice: Person, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    """Somebody written is merged with somebody who comes much later."""
    campaign = sending_to(people(alice.account.id, 70))
    first, *others, last = db.session.scalars(sa.select(Contact).order_by(Contact.id)).all()
    go_on, steps = planning._is_to_plan, []

    def stop(connection: sa.Connection, campaign_id: int) -> bool:
        steps.append(campaign_id)
        return len(steps) <= written and go_on(connection, campaign_id)

    monkeypatch.setattr(planning, "_is_to_plan", stop)
    planning.plan(campaign)
    with transaction():
        merging.merge(alice.account, last.id, first.id, {}, by=changes.NOBODY)
    monkeypatch.setattr(planning, "_is_to_plan", go_on)
    planning.plan(campaign)

    assert sorted(map(str, planned(campaign))) == sorted(str(one.id) for one in [*others, last])
    assert receipts.receipt(campaign.id).intended == 69
    assert db.session.scalar(sa.select(sa.func.sum(Batch.size))) == 69
    assert db.session.get_one(Campaign, campaign.id, populate_existing=True).planned_at


def test_a_number_that_is_taken_leaves_nobody_out_silently(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = people(alice.account.id, 3)
    planning.plan(sending_to(chosen))
    taken = db.session.scalar(sa.select(sa.func.min(Delivery.id)))
    reserve = planning._reserve_ids

    def reserve_again(connection: sa.Connection, table: str, n: int) -> int | None:
        return taken if table == "delivery" else reserve(connection, table, n)

    monkeypatch.setattr(planning, "_reserve_ids", reserve_again)
    campaign = sending_to(chosen)

    with pytest.raises(sa.exc.IntegrityError):
        planning.plan(campaign)

    assert not db.session.get_one(Campaign, campaign.id, populate_existing=True).planned_at
    monkeypatch.undo()
    assert planning.plan(campaign) == 3


@pytest.mark.usefixtures("small_batches")
def test_two_planners_at_once_plan_everybody_once(app: Flask, alice: Person) -> None:
    campaign = sending_to(people(alice.account.id, 200))
    added: list[int] = []

    def work() -> None:
        with app.app_context():
            added.append(planning.plan(db.session.get_one(Campaign, campaign.id)))

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(added) == 200
    assert len(set(planned(campaign))) == len(planned(campaign)) == 200
    assert receipts.receipt(campaign.id).intended == 200


@pytest.mark.usefixtures("small_batches")
def test_two_planners_write_no_more_than_it_goes_to(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One reads its audience, the other does later, after somebody joined, and dies on its way."""
    chosen = people(alice.account.id, 60)
    campaign = sending_to(chosen)
    with transaction():
        campaign.at_most = 40
        late = db.session.scalars(sa.select(Subscription).order_by(Subscription.contact_id)).first()
        assert late
        joining = {"contact_id": late.contact_id, "list_id": chosen.id}
        db.session.delete(late)
    reserve, fill = planning._reserve, planning._fill
    slices: list[int] = []

    def once(*arguments: Any, **more: Any) -> int:
        if slices:
            raise KeyboardInterrupt
        slices.append(fill(*arguments, **more))
        return slices[0]

    def let_the_other_go_first(*arguments: Any) -> None:
        reserve(*arguments)
        monkeypatch.setattr(planning, "_reserve", reserve)
        monkeypatch.setattr(planning, "_fill", once)
        with transaction():
            db.session.add(Subscription(account_id=alice.account.id, **joining))
        with pytest.raises(KeyboardInterrupt):
            planning.plan(db.session.get_one(Campaign, campaign.id))
        monkeypatch.setattr(planning, "_fill", fill)

    monkeypatch.setattr(planning, "_reserve", let_the_other_go_first)

    assert slices == []
    assert planning.plan(campaign) == 26
    assert slices == [14]
    assert joining["contact_id"] in planned(campaign)
    assert len(set(planned(campaign))) == len(planned(campaign)) == 40
    assert receipts.receipt(campaign.id).intended == 40


def test_a_cancelled_campaign_is_not_planned(alice: Person) -> None:
    campaign = sending_to(people(alice.account.id, 3))
    with transaction():
        campaign.move("sending", to="cancelled")

    assert planning.plan(campaign) == 0
    assert planned(campaign) == []


def test_deliveries_go_with_their_campaign(app: Flask, alice: Person) -> None:
    """They hang on it by their Batch alone."""
    gone = sending_to(people(alice.account.id, 3))
    planning.plan(gone)
    with transaction():
        db.session.execute(sa.delete(Campaign).where(Campaign.id == gone.id))

    assert planned(gone) == []


def test_planning_leaves_the_connection_as_careful_as_it_was(app: Flask, alice: Person) -> None:
    planning.plan(sending_to(people(alice.account.id, 3)))
    if db.engine.dialect.name != "sqlite":
        return

    def care() -> int:
        return int(db.session.connection().exec_driver_sql("PRAGMA synchronous").scalar_one())

    with transaction():
        assert care() == 2
    with transaction(bulk=True):
        assert care() == 1
    assert care() == 2


def test_who_is_erased_leaves_a_row_without_a_person(app: Flask, alice: Person) -> None:
    campaign = sending_to(people(alice.account.id, 5))
    planning.plan(campaign)

    with transaction():
        db.session.execute(sa.delete(Contact).where(Contact.address == "r3@example.com"))

    assert sorted(planned(campaign), key=str).count(None) == 1


def test_a_deleted_campaign_takes_its_deliveries_along(app: Flask, alice: Person) -> None:
    chosen = people(alice.account.id, 5)
    campaign, other = sending_to(chosen), sending_to(chosen)
    for one in (campaign, other):
        planning.plan(one)
    gone, stays = campaign.id, other.id

    with transaction():
        db.session.execute(sa.delete(Campaign).where(Campaign.id == gone))

    left = db.session.scalars(sa.select(Delivery.campaign_id)).all()
    assert list(left) == [stays] * 5


def test_batches_know_where_their_deliveries_are(
    app: Flask, alice: Person, small_batches: None
) -> None:
    chosen = people(alice.account.id, 25)
    campaign, other = sending_to(chosen), sending_to(chosen)
    for one in (campaign, other):
        planning.plan(one)

    for batch in db.session.scalars(sa.select(Batch)):
        own = set(db.session.scalars(sa.select(Delivery.id).where(Delivery.batch_id == batch.id)))
        assert len(own) == batch.size
        assert min(own) >= batch.first_id
        assert max(own) <= batch.last_id
