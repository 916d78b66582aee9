"""Looks of staff into an account: for a purpose, with a reference, for some minutes.

While one lasts, its customer sees that; each object that is looked at is a line of the book.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.accounts import owners
from app.accounts.models import Account, Member
from app.core import settings
from app.core.clock import now
from app.core.db import db
from app.core.errors import Forbidden, Invalid, NotFound
from app.staff import book
from app.staff.models import StaffAccess, StaffLook
from app.staff.purposes import PURPOSES, may_see

MINUTES = (15, 30, 60)
DAY = timedelta(days=1)
#: Looks that the tick closes at a time.
AT_ONCE = 100


class NotLooking(Forbidden):
    """The look is over, or is for something else."""

    def __init__(self) -> None:
        super().__init__("Your look into this account is over, or is not for this. Begin one.")


class Refused(Forbidden):
    """The owner wants to be asked first."""

    def __init__(self) -> None:
        super().__init__(
            "The owner lets support look only when asked. Ask them to allow it in Settings, "
            "Staff access; they can do so for a day."
        )


def find_account(account_id: int) -> Account:
    """Any account, for its name. Raises NotFound."""
    found = db.session.get(Account, account_id)
    if found is None:
        raise NotFound("That account")
    return found


def may_support_look(account: Account) -> bool:
    """Whether the owner lets support look in just now."""
    allowed_for_now = account.support_until is not None and account.support_until > now()
    return account.support_may_look or allowed_for_now


def begin(
    account: Account, member: Member, *, purpose: str, reference: str, minutes: int
) -> StaffLook:
    """Begin a look and mail the owners. A look that lasts already ends. Raises Forbidden, Invalid.

    `reference` is a ticket's number or says why; `minutes` is one of MINUTES.
    """
    if purpose not in PURPOSES or purpose not in (member.staff_roles or ()):
        raise Forbidden("That is not one of your purposes.")
    reference = check_reference(reference)
    if minutes not in MINUTES:
        raise Invalid("Choose for how long.", {"minutes": ["Choose for how long."]})
    if PURPOSES[purpose].is_refusable and not may_support_look(account):
        raise Refused
    in_turn(account.id)
    if (before := current(account.id, member)) is not None:
        end(before)
    moment = now()
    look = StaffLook(
        account_id=account.id, member_id=member.id, who=book.who(member), purpose=purpose,
        reference=reference, began_at=moment, ends_at=moment + timedelta(minutes=minutes),
    )  # fmt: skip
    db.session.add(look)
    db.session.flush()
    book.note(look, "look.begin")
    owners.tell(
        account.id, "staff_look", who=look.who, purpose=PURPOSES[purpose], reference=reference,
        began=_in_words(account, look.began_at), ends=_in_words(account, look.ends_at),
        url=f"{settings.get().BASE_URL}/settings/staff-access",
    )  # fmt: skip
    return look


def in_turn(account_id: int) -> None:
    """Whoever does the same to this account at the same instant waits for this transaction."""
    db.session.execute(
        sa.select(Account.id).where(Account.id == account_id).with_for_update(key_share=True)
    )


def _in_words(account: Account, moment: datetime) -> str:
    """In the customer's zone, not in that of who looks."""
    local = moment.astimezone(account.zone)
    return f"{local.day} {local:%B %Y, %H:%M %Z}"


def check_reference(reference: str, *, field: str = "reference") -> str:
    """A line without an address: who is erased must not stand in the book. Raises Invalid."""
    line, problem = " ".join(reference.split()), ""
    if not line:
        problem = "Enter the ticket's number, or say why you look."
    elif len(line) > 200:
        problem = "Use at most 200 characters."
    elif "@" in line:
        problem = "Leave addresses out: the customer reads this, and it stays."
    if problem:
        raise Invalid(problem, {field: [problem]})
    return line


def end(look: StaffLook, *, at: datetime | None = None) -> bool:
    """By hand, or (`at`) because the time was over; False when it had ended already."""
    ended = db.session.execute(
        sa.update(StaffLook)
        .where(StaffLook.id == look.id, StaffLook.ended_at.is_(None))
        .values(ended_at=at or now())
        .returning(StaffLook.id)
    )
    if ended.scalar() is None:
        return False
    book.note(look, "look.over" if at else "look.end")
    return True


def are_over() -> bool:
    """Whether the time of some look is over that nobody ended."""
    over = sa.select(StaffLook.id).where(StaffLook.ended_at.is_(None), StaffLook.ends_at <= now())
    return db.session.scalar(over.limit(1)) is not None


def close_over() -> int:
    """Write down which looks ended because their time was over; returns how many."""
    over = db.session.scalars(
        sa.select(StaffLook)
        .where(StaffLook.ended_at.is_(None), StaffLook.ends_at <= now())
        .order_by(StaffLook.ends_at)
        .limit(AT_ONCE)
    ).all()
    return sum(end(look, at=look.ends_at) for look in over)


def current(account_id: int, member: Member) -> StaffLook | None:
    """The look of this person that lasts."""
    return db.session.scalar(
        sa.select(StaffLook)
        .where(
            StaffLook.member_id == member.id,
            StaffLook.account_id == account_id,
            StaffLook.ends_at > now(),
            StaffLook.ended_at.is_(None),
        )
        .order_by(StaffLook.id.desc())
        .limit(1)
    )


def going_on(account_id: int) -> Sequence[StaffLook]:
    """All looks that last, for the customer."""
    return db.session.scalars(
        sa.select(StaffLook)
        .where(
            StaffLook.account_id == account_id,
            StaffLook.ends_at > now(),
            StaffLook.ended_at.is_(None),
        )
        .order_by(StaffLook.id)
        .limit(20)
    ).all()


def demand(account_id: int, member: Member, kind: str) -> StaffLook:
    """The look that lasts and whose purpose holds that kind. Raises NotFound, NotLooking.

    A purpose that was taken from somebody ends with it.
    """
    find_account(account_id)
    look = current(account_id, member)
    if look is None or look.purpose not in (member.staff_roles or ()):
        raise NotLooking
    if not may_see(look.purpose, kind):
        raise NotLooking
    return look


def has_seen(look: StaffLook, kind: str, object_id: int | None = None) -> bool:
    """Whether the book says that this was opened in the look: only then it is shown."""
    query = sa.select(StaffAccess.id).where(
        StaffAccess.look_id == look.id, StaffAccess.kind == kind, StaffAccess.verb == "see"
    )
    if object_id is not None:
        query = query.where(StaffAccess.object_id == object_id)
    return db.session.scalar(query.limit(1)) is not None


def see(look: StaffLook, kind: str, object_id: int | None = None) -> None:
    """Write down that it is looked at; once in a look."""
    if not has_seen(look, kind, object_id):
        book.note(look, "see", kind, object_id)


def let_support_look(account: Account, member: Member, answer: str) -> None:
    """The owner's switch: always, ask (only when asked), day (for a day). Raises Invalid.

    With `ask`, a look for support that lasts ends.
    """
    if answer not in ("always", "ask", "day"):
        raise Invalid("Choose whether support may look.")
    account.support_may_look = answer == "always"
    account.support_until = now() + DAY if answer == "day" else None
    verb = {"always": "allow", "ask": "refuse", "day": "allow.day"}[answer]
    book.note_owner(account, member, verb)
    if answer == "ask":
        for look in going_on(account.id):
            if PURPOSES[look.purpose].is_refusable:
                end(look)
