"""Who must have a second factor: everybody in an account whose owner says so, and staff."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.accounts import auditing
from app.accounts.models import Account, Member, Membership
from app.auth.models import Authenticator, Passkey, SignedIn
from app.core import settings
from app.core.clock import now
from app.core.db import db


def demand(account: Account, by: Member, *, days: int) -> None:
    """From in `days` on, nobody opens a page of the account without a second factor."""
    account.second_factor_from = now() + timedelta(days=days)
    auditing.note(account, by, "second_factor.demand", f"in {days} days")


def leave_free(account: Account, by: Member) -> None:
    """Everybody does as they like again."""
    account.second_factor_from = None
    auditing.note(account, by, "second_factor.leave_free")


def is_due(account: Account, session: SignedIn) -> bool:
    """Whether a page of the account stays closed until there is a second factor."""
    begins = account.second_factor_from
    return begins is not None and begins <= now() and not session.is_strong


def deadline(account: Account | None, session: SignedIn) -> datetime | None:
    """Until when this person has time; nothing where nothing is to do."""
    return account.second_factor_from if account and not session.is_strong else None


def is_due_for_staff(session: SignedIn) -> bool:
    """Whether the console stays closed until there is a second factor."""
    return settings.get().STAFF_SECOND_FACTOR and not session.is_strong


def without(account: Account) -> Sequence[Member]:
    """The people of the account who have none, by name; at most fifty."""
    has = sa.or_(
        sa.exists().where(
            Authenticator.member_id == Member.id, Authenticator.confirmed_at.is_not(None)
        ),
        sa.exists().where(Passkey.member_id == Member.id),
    )
    return db.session.scalars(
        sa.select(Member)
        .join(Membership)
        .where(Membership.account_id == account.id, ~has)
        .order_by(Member.name, Member.id)
        .limit(50)
    ).all()
