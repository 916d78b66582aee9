"""An owner's permission for a take-out by staff: recorded, for a time, used once.

Without one, nothing that staff can reach gives out an account's contacts.
"""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from app.accounts.models import Account, Member, Membership
from app.core.clock import now
from app.core.db import db
from app.core.errors import Forbidden, NotFound
from app.core.owning import owned
from app.moving import taking_out
from app.moving.models import Takeout
from app.staff import book
from app.staff.looking import check_reference, in_turn
from app.staff.models import ExportGrant, StaffLook


class NotGranted(Forbidden):
    """No owner allowed it, the time is over, or it was used."""

    def __init__(self) -> None:
        super().__init__(
            "No take-out without the owner's permission. They give it in Settings, Staff access, "
            "for one take-out."
        )


def grant(account: Account, owner: Member, *, reason: str, days: int) -> ExportGrant:
    """Allow one take-out; a permission that stood before ends. Raises Invalid."""
    reason = check_reference(reason, field="reason")
    # So that of two who press at once the later one's stands alone.
    in_turn(account.id)
    _end(_open(account.id))
    row = ExportGrant(
        account_id=account.id, member_id=owner.id, who=book.who(owner), reason=reason,
        at=now(), until=now() + timedelta(days=days),
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    book.note_owner(account, owner, "grant", reason)
    return row


def take_back(account: Account, owner: Member, grant_id: int) -> None:
    """Raises NotFound; one that was used or is over stays as it is."""
    row = owned(ExportGrant, account.id, grant_id, "That permission")
    if _end(ExportGrant.id == row.id):
        book.note_owner(account, owner, "grant.end", row.reason)


def standing(account_id: int) -> ExportGrant | None:
    """The permission that could be used now: of somebody who is an owner still."""
    is_owner = sa.exists().where(
        Membership.account_id == ExportGrant.account_id,
        Membership.member_id == ExportGrant.member_id,
        Membership.role == "owner",
    )
    return db.session.scalar(
        sa.select(ExportGrant)
        .where(_open(account_id), ExportGrant.until > now(), is_owner)
        .order_by(ExportGrant.id.desc())
        .limit(1)
    )


def export(account: Account, look: StaffLook, member: Member) -> Takeout:
    """Use the permission up and begin the take-out; enqueue it afterwards.

    Raises NotGranted, and what `taking_out.start` raises: then the permission stands.
    """
    row = standing(account.id)
    # Conditional, so that of two who come at once one is too late.
    if row is None or not _end(sa.and_(ExportGrant.id == row.id, ExportGrant.until > now())):
        raise NotGranted
    takeout = taking_out.start(account, member)
    row.takeout_id, row.used_by_id = takeout.id, member.id
    db.session.flush()
    book.note(look, "export", "takeout", takeout.id)
    return takeout


def exports(account: Account) -> list[Takeout]:
    """What staff had made by permissions, newest first."""
    return list(
        db.session.scalars(
            sa.select(Takeout)
            .join(ExportGrant, ExportGrant.takeout_id == Takeout.id)
            .where(Takeout.account_id == account.id)
            .order_by(Takeout.id.desc())
            .limit(10)
        )
    )


def find_export(account: Account, member: Member, takeout_id: int) -> Takeout:
    """One that this person asked for. Raises NotFound: no other is there for staff."""
    takeout = db.session.scalar(
        sa.select(Takeout)
        .join(ExportGrant, ExportGrant.takeout_id == Takeout.id)
        .where(
            Takeout.id == takeout_id,
            Takeout.account_id == account.id,
            ExportGrant.used_by_id == member.id,
        )
    )
    if takeout is None:
        raise NotFound("That take-out")
    return takeout


def _open(account_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(ExportGrant.account_id == account_id, ExportGrant.ended_at.is_(None))


def _end(which: sa.ColumnElement[bool]) -> bool:
    ended = db.session.execute(
        sa.update(ExportGrant)
        .where(which, ExportGrant.ended_at.is_(None))
        .values(ended_at=now())
        .returning(ExportGrant.id)
    )
    return ended.first() is not None
