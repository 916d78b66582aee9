from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
import time_machine

from app.accounts import opening
from app.accounts.models import Account, Member
from app.auth import passwords, sessions
from app.auth.models import PasswordLink, SignedIn
from app.core.clock import now
from app.core.db import db, transaction
from app.trust import forgetting
from tests.conftest import Person


def count(row: type) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(row)) or 0


def forget() -> None:
    forgetting.keep("links")
    forgetting.keep("sessions")


def test_what_is_over_is_forgotten_after_thirty_days(app, alice: Person):
    with transaction():
        passwords.issue(alice.member)
        sessions.start(alice.member)
        sessions.end_all(alice.member)

    forget()
    assert (count(PasswordLink), count(SignedIn)) == (1, 1)

    with time_machine.travel(now() + timedelta(days=40)):
        forgetting.keep("registrations")
        forget()
    assert (count(PasswordLink), count(SignedIn)) == (0, 0)


def test_registrations_that_nobody_finished_are_forgotten_and_others_stay(app, alice: Person):
    with transaction():
        opening.open_account(business="Nobody", email="nobody@x.example")
        opening.open_account(business="Vouched", email="v@x.example", vouched=True)

    with time_machine.travel(now() + timedelta(days=40)):
        forgetting.keep("registrations")

    assert set(db.session.scalars(sa.select(Account.name))) == {"Bakery", "Vouched"}
    assert set(db.session.scalars(sa.select(Member.email))) == {
        "alice@bakery.example", "v@x.example",
    }  # fmt: skip
