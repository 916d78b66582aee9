"""Forgetting what is over: links, sessions, notices, and registrations that nobody finished."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from app.accounts.models import Account, Invitation, Member, Membership
from app.auth import known_browsers, profiles, sessions
from app.auth.models import (
    AlarmLink,
    BarredNetwork,
    EmailChange,
    KnownBrowser,
    PasswordLink,
    SignedIn,
    SignInStep,
)
from app.core.clock import now
from app.core.db import db


def forget_links(before: datetime) -> int:
    """Links for passwords, new addresses, alarms and invitations that had ended by then."""
    # Changes of address can be taken back for some days after they were made.
    changes_before = min(before, now() - profiles.BACK_WITHIN - profiles.LASTS)
    n = _gone(sa.delete(EmailChange).where(EmailChange.expires_at < changes_before))
    return n + sum(
        _gone(sa.delete(row).where(row.expires_at < before))
        for row in (PasswordLink, AlarmLink, Invitation)
    )


def forget_steps(before: datetime) -> int:
    """Sign-ins that were under way by then."""
    return _gone(sa.delete(SignInStep).where(SignInStep.expires_at < before))


def forget_known_browsers() -> int:
    """Browsers in which nobody signed in for a year."""
    before = now() - known_browsers.LASTS
    return _gone(sa.delete(KnownBrowser).where(KnownBrowser.seen_at < before))


def forget_sessions(before: datetime) -> int:
    """Browsers that had signed out by then, or were not seen any more."""
    over = sa.or_(
        SignedIn.ended_at < before,
        SignedIn.seen_at < before - sessions.LASTS,
        SignedIn.created_at < before - sessions.AT_MOST,
    )
    return _gone(sa.delete(SignedIn).where(over))


def forget_networks() -> int:
    """Networks that are not barred any more."""
    return _gone(sa.delete(BarredNetwork).where(BarredNetwork.until <= now()))


def forget_registrations(before: datetime) -> int:
    """Accounts that no owner ever opened, and their owners where they have no other place."""
    unfinished = sa.select(Account.id).where(
        Account.state == "pending", Account.vouched.is_(False), Account.created_at < before
    )
    n = _gone(sa.delete(Account).where(Account.id.in_(unfinished)))
    return n + _gone(
        sa.delete(Member).where(
            Member.password_hash.is_(None),
            Member.created_at < before,
            Member.staff_roles == sa.literal([], Member.staff_roles.type),
            ~sa.exists().where(Membership.member_id == Member.id),
        )
    )


def _gone(statement: sa.Delete) -> int:
    result = db.session.execute(statement)
    return int(result.rowcount)  # type: ignore[attr-defined]
