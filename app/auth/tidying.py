"""Forgetting what is over: links, sessions, notices, and registrations that nobody finished."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from app.accounts import notices
from app.accounts.models import Account, Invitation, Member, Membership
from app.auth import known_browsers, sessions
from app.auth.models import (
    AlarmLink,
    EmailChange,
    KnownBrowser,
    PasswordLink,
    SignedIn,
    SignInStep,
)
from app.core.clock import now
from app.core.db import db

#: How long what is over is still kept, for questions.
KEPT = timedelta(days=30)
STEPS_KEPT = timedelta(days=1)


def clean_up() -> None:
    """Remove what was over before KEPT. Safe to run again."""
    before = now() - KEPT
    for row in (PasswordLink, EmailChange, Invitation, AlarmLink):
        db.session.execute(sa.delete(row).where(row.expires_at < before))
    # Wrong codes count for an hour.
    db.session.execute(sa.delete(SignInStep).where(SignInStep.expires_at < now() - STEPS_KEPT))
    db.session.execute(
        sa.delete(KnownBrowser).where(KnownBrowser.seen_at < now() - known_browsers.LASTS)
    )
    db.session.execute(
        sa.delete(SignedIn).where(
            sa.or_(SignedIn.ended_at < before, SignedIn.seen_at < before - sessions.LASTS)
        )
    )
    notices.forget_old(before)
    _forget_unfinished_registrations()


def _forget_unfinished_registrations() -> None:
    """Accounts that no owner ever opened, and their owners where they have no other place."""
    before = now() - KEPT
    unfinished = sa.select(Account.id).where(
        Account.state == "pending", Account.vouched.is_(False), Account.created_at < before
    )
    db.session.execute(sa.delete(Account).where(Account.id.in_(unfinished)))
    db.session.execute(
        sa.delete(Member).where(
            Member.password_hash.is_(None),
            Member.created_at < before,
            Member.staff_roles == sa.literal([], Member.staff_roles.type),
            ~sa.exists().where(Membership.member_id == Member.id),
        )
    )
