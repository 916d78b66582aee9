"""Disclosures: entered by one, approved by another, told to the customer unless a court bars it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult

from app.accounts import auditing, owners
from app.accounts.models import Account, Member
from app.core import settings
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Forbidden, Invalid, NotFound, WrongState
from app.privacy.documents import Document
from app.privacy.models import Disclosure

GROUNDS = {"consent": "Written consent of the customer", "court_order": "Order of a court"}
LONGEST_BAR = timedelta(days=5 * 365)
CHUNK = 50


@dataclass(frozen=True)
class Entry:
    """What somebody enters."""

    recipient: str
    data: str
    purpose: str
    ground: str
    bar_reason: str = ""
    barred_until: date | None = None


def enter(account: Account, entry: Entry, document: Document, by: Member) -> Disclosure:
    """Put it into the register, where it waits for somebody else. Raises Invalid."""
    if entry.ground not in GROUNDS:
        raise Invalid("Choose the ground.", {"ground": ["Choose the ground."]})
    _check_bar(entry.bar_reason, entry.barred_until, entry.ground)
    row = Disclosure(
        account_id=account.id, recipient=entry.recipient, data=entry.data, purpose=entry.purpose,
        ground=entry.ground, document_name=document.name, stored_as=document.stored_as,
        document_hash=document.hash, entered_by_id=by.id, bar_reason=entry.bar_reason,
        barred_until=entry.barred_until,
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    # In the operator's own list: the account's would tell what a court may bar.
    auditing.note(None, by, "disclosure.enter", f"disclosure {row.id}, account {account.id}")
    return row


def approve(number: int, by: Member) -> None:
    """The second person's yes. Raises Forbidden for the first, WrongState where it is decided."""
    _decide(number, by, "approved")


def refuse(number: int, by: Member, why: str) -> None:
    """The second person's no."""
    if not why.strip():
        raise Invalid("Say why it is refused.")
    _decide(number, by, "refused", why.strip())


def change_bar(number: int, by: Member, *, reason: str, until: date | None) -> None:
    """What a court orders later: no bar, another one, or a longer one. Raises WrongState once the
    customer was told.
    """
    row = one(number)
    if row.told_at is not None:
        raise WrongState("The customer was told already.")
    _check_bar(reason, until, row.ground)
    row.bar_reason, row.barred_until = reason, until
    auditing.note(None, by, "disclosure.bar", f"disclosure {row.id} until {until or 'now'}")


def one(number: int) -> Disclosure:
    """An entry. Raises NotFound."""
    row = db.session.get(Disclosure, number) if number < 1 << 62 else None
    if row is None:
        raise NotFound("That disclosure")
    return row


def latest(limit: int = 200) -> Sequence[Disclosure]:
    """For staff, newest first."""
    return db.session.scalars(
        sa.select(Disclosure).order_by(Disclosure.id.desc()).limit(limit)
    ).all()


def waiting() -> int:
    """How many wait for a second person."""
    return db.session.scalar(
        sa.select(sa.func.count()).where(Disclosure.state == "waiting")
    ) or 0  # fmt: skip


def in_public(limit: int = 200) -> Sequence[Disclosure]:
    """What the public register names: approved, and nobody is barred from knowing."""
    return db.session.scalars(
        sa.select(Disclosure)
        .where(Disclosure.state == "approved", _may_be_told())
        .order_by(Disclosure.id.desc())
        .limit(limit)
    ).all()


def withheld() -> int:
    """Approved ones that must not be told yet, of all accounts together."""
    return db.session.scalar(
        sa.select(sa.func.count()).where(Disclosure.state == "approved", ~_may_be_told())
    ) or 0  # fmt: skip


def about(account: Account) -> Sequence[Disclosure]:
    """What the customer may know, newest first."""
    return db.session.scalars(
        sa.select(Disclosure)
        .where(
            Disclosure.account_id == account.id, Disclosure.state == "approved", _may_be_told()
        )
        .order_by(Disclosure.id.desc())
        .limit(100)
    ).all()  # fmt: skip


def tell() -> int:
    """Mail the owners of accounts whose disclosure may be told now; returns how many accounts."""
    due = db.session.scalars(
        sa.select(Disclosure.id)
        .where(
            Disclosure.state == "approved", Disclosure.told_at.is_(None),
            Disclosure.account_id.is_not(None), _may_be_told(),
        )
        .order_by(Disclosure.id)
        .limit(CHUNK)
    ).all()  # fmt: skip
    return sum(_tell(number) for number in due)


def _tell(number: int) -> bool:
    with transaction():
        taken = db.session.execute(
            sa.update(Disclosure)
            .where(
                Disclosure.id == number, Disclosure.told_at.is_(None),
                Disclosure.account_id.is_not(None),
            )
            .values(told_at=now())
        )  # fmt: skip
        if not isinstance(taken, CursorResult) or taken.rowcount != 1:
            return False
        row = db.session.get_one(Disclosure, number, populate_existing=True)
        owners.tell(
            row.account_id or 0, "disclosure", disclosure=row, ground=GROUNDS[row.ground],
            url=f"{settings.get().BASE_URL}/settings/data#disclosures",
        )  # fmt: skip
        return True


def _decide(number: int, by: Member, state: str, decision: str = "") -> None:
    row = one(number)
    if row.entered_by_id == by.id:
        raise Forbidden("Whoever entered a disclosure cannot decide about it. Ask somebody else.")
    moved = db.session.execute(
        sa.update(Disclosure)
        .where(
            Disclosure.id == number, Disclosure.state == "waiting",
            Disclosure.entered_by_id != by.id,
        )
        .values(state=state, decided_by_id=by.id, decided_at=now(), decision=decision)
    )  # fmt: skip
    if not isinstance(moved, CursorResult) or moved.rowcount != 1:
        raise WrongState("This disclosure is decided already.")
    db.session.refresh(row)
    auditing.note(None, by, f"disclosure.{state}", f"disclosure {number}")


def _may_be_told() -> sa.ColumnElement[bool]:
    return sa.or_(Disclosure.barred_until.is_(None), Disclosure.barred_until <= now().date())


def _check_bar(reason: str, until: date | None, ground: str) -> None:
    if bool(reason.strip()) != bool(until):
        words = "A bar needs its reason and the day on which it ends."
        raise Invalid(words, {"barred_until": [words]})
    if not until:
        return
    if ground == "consent":
        words = "Who consented in writing knows of it; only a court can bar telling them."
        raise Invalid(words, {"bar_reason": [words]})
    if not now().date() < until <= now().date() + LONGEST_BAR:
        words = "The bar ends on a day to come, within five years."
        raise Invalid(words, {"barred_until": [words]})
