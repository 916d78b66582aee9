"""Plans that limit, and a stand-in where people pay for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Account, Notice
from app.billing import contracts, looking
from app.billing.models import Contract
from app.config import Config
from app.contacts import counting
from app.core import settings as process_settings
from app.core.clock import now
from app.core.db import db, transaction
from app.plans import catalogue
from tests.conftest import Person
from tests.paymentserver import KEY, SECRET, PaymentServer

PLANS = """
[free]
contacts = 10
mails = 5
people = 2
senders = 1

[small]
contacts = 100
mails = 50
people = 3
senders = 2
price = "9 EUR a month"
price_id = "price_small"

[large]
price = "49 EUR a month"
price_id = "price_large"
"""


@pytest.fixture
def plans(app: Flask, settings: Config) -> Iterator[Config]:
    """Billing is on, and plans are small; nothing can be paid for."""
    path = settings.LEADERSEND_HOME / "plans-of-tests.toml"
    path.write_text(PLANS)
    changed = replace(settings, BILLING=True, PLANS=str(path))
    process_settings.configure(changed)
    yield changed
    process_settings.configure(settings)
    catalogue._read.clear()


@pytest.fixture
def payments(plans: Config) -> Iterator[PaymentServer]:
    """Where plans are paid for."""
    with PaymentServer() as server:
        process_settings.configure(
            replace(
                plans, STRIPE_SECRET_KEY=KEY, STRIPE_WEBHOOK_SECRETS=(SECRET,),
                STRIPE_API=server.url,
            )
        )  # fmt: skip
        yield server


@pytest.fixture
def paying(payments: PaymentServer, alice: Person) -> dict[str, Any]:
    """Alice pays for Small; the stand-in's row of it."""
    step = contracts.begin_checkout(alice.account, alice.member, "small")
    made = payments.pay(step.ref)
    look_again(alice.account)
    return made


def look_again(account: Account) -> None:
    """Ask the provider now."""
    with transaction():
        db.session.execute(
            sa.update(Contract).where(Contract.account_id == account.id).values(look_at=now())
        )
    looking.look(account.id)
    db.session.rollback()
    db.session.expire_all()


def plan_now(account: Account) -> str:
    db.session.rollback()
    return db.session.get_one(Account, account.id, populate_existing=True).plan


def contract_now(account: Account) -> Contract:
    db.session.rollback()
    return db.session.get_one(Contract, account.id, populate_existing=True)


def mails_of(kind: str) -> list[Notice]:
    return list(
        db.session.scalars(sa.select(Notice).where(Notice.kind == kind).order_by(Notice.id))
    )


@pytest.fixture
def with_contacts(alice: Person) -> Callable[[int], None]:
    """with_contacts(n): the account has so many, as far as its counter knows."""

    def make(n: int) -> None:
        with transaction():
            counting.people(alice.account.id, n)

    return make
