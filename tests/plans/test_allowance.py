"""Mails are taken as a whole, once, and never more than there are: however many take at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from app.accounts import people, senders
from app.accounts.models import Account, Invitation, Member
from app.billing import usage
from app.campaigns.models import Campaign
from app.config import Config
from app.core.clock import now
from app.core.db import db, transaction
from app.plans import allowance
from app.plans.allowance import OverLimit, month_of, next_month
from app.plans.models import MailMonth, Reservation
from tests.billing.conftest import plans
from tests.conftest import Person

__all__ = ["plans"]


@pytest.fixture
def campaigns(alice: Person) -> Callable[[int], list[int]]:
    def make(n: int) -> list[int]:
        with transaction():
            rows = [Campaign(account_id=alice.account.id, name=f"{i}") for i in range(n)]
            db.session.add_all(rows)
            db.session.flush()
            return [row.id for row in rows]

    return make


def take(account: Account, campaign_id: int, mails: int) -> None:
    with transaction():
        allowance.reserve(account, campaign_id, mails)


def test_a_campaign_takes_all_that_it_needs_or_nothing(
    plans: Config, alice: Person, campaigns: Callable[[int], list[int]]
) -> None:
    first, second, third = campaigns(3)

    take(alice.account, first, 3)
    with pytest.raises(OverLimit, match="needs 3 mails, and your plan has 2 left"):
        take(alice.account, second, 3)
    take(alice.account, third, 2)

    assert allowance.used(alice.account) == (5, 0)
    assert allowance.left(alice.account) == 0


def test_planning_again_takes_the_difference_and_is_never_refused(
    plans: Config, alice: Person, campaigns: Callable[[int], list[int]]
) -> None:
    [campaign] = campaigns(1)

    for mails in (4, 4, 6, 3):
        take(alice.account, campaign, mails)

    assert allowance.used(alice.account) == (3, 0)


def test_what_was_not_used_is_given_back_once(
    plans: Config, alice: Person, campaigns: Callable[[int], list[int]]
) -> None:
    [campaign] = campaigns(1)
    take(alice.account, campaign, 5)

    for _ in range(2):
        with transaction():
            allowance.settle(campaign, 2)

    assert allowance.used(alice.account) == (3, 0)
    assert db.session.get_one(Reservation, campaign).mails == 3


def test_mails_that_are_given_on_top_count(
    plans: Config, alice: Person, campaigns: Callable[[int], list[int]]
) -> None:
    [campaign] = campaigns(1)
    with transaction():
        allowance.grant(alice.account.id, 10)

    take(alice.account, campaign, 15)

    assert allowance.left(alice.account) == 0
    assert allowance.left(alice.account, next_month(month_of())) == 5


def test_a_month_begins_at_midnight_utc() -> None:
    assert month_of(datetime(2026, 12, 31, 23, 59, tzinfo=UTC)).isoformat() == "2026-12-01"
    assert next_month(month_of(datetime(2026, 12, 31, tzinfo=UTC))).isoformat() == "2027-01-01"


def test_fifty_campaigns_at_once_stay_within_the_limit(
    plans: Config, app: Flask, alice: Person, campaigns: Callable[[int], list[int]]
) -> None:
    account_id, ids = alice.account.id, campaigns(50)

    def one(campaign_id: int) -> bool:
        with app.app_context():
            try:
                take(db.session.get_one(Account, account_id), campaign_id, 1)
            except OverLimit:
                return False
            finally:
                db.session.remove()
            return True

    with ThreadPoolExecutor(10) as pool:
        through = sum(pool.map(one, ids))

    db.session.rollback()
    assert through == 5
    assert db.session.scalar(sa.select(MailMonth.used)) == 5
    assert db.session.scalar(sa.select(sa.func.sum(Reservation.mails))) == 5


def test_an_invitation_that_is_over_takes_no_place(plans: Config, alice: Person) -> None:
    def invite(name: str) -> None:
        with transaction():
            address = f"{name}@bakery.example"
            people.invite(alice.account, alice.member, email=address, role="viewer")

    invite("dora")
    with pytest.raises(OverLimit):
        invite("emil")
    with time_machine.travel(now() + timedelta(days=8)):
        invite("emil")
        [used] = [use.used for use in usage.of(alice.account) if use.what == "people"]
        assert used == 2
        with pytest.raises(OverLimit):
            invite("dora")


def test_fifty_invitations_at_once_stay_within_the_limit(
    plans: Config, app: Flask, alice: Person
) -> None:
    account_id, member_id = alice.account.id, alice.member.id

    def one(n: int) -> bool:
        with app.app_context():
            try:
                with transaction():
                    account = db.session.get_one(Account, account_id)
                    by = db.session.get_one(Member, member_id)
                    people.invite(account, by, email=f"p{n}@bakery.example", role="viewer")
            except OverLimit:
                return False
            finally:
                db.session.remove()
            return True

    with ThreadPoolExecutor(10) as pool:
        through = sum(pool.map(one, range(50)))

    db.session.rollback()
    assert through == 1
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Invitation)) == 1


def test_one_sender_too_many_is_refused_with_the_reason(plans: Config, alice: Person) -> None:
    with transaction():
        senders.add(alice.account, alice.member, email="one@bakery.example")

    with (
        transaction(),
        pytest.raises(OverLimit, match="Free has 1 senders, and you have 1") as said,
    ):
        senders.add(alice.account, alice.member, email="two@bakery.example")

    assert "larger plan" in str(said.value)
