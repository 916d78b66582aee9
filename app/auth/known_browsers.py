"""Browsers in which a person has signed in before, known by a cookie that outlives sessions.

Nothing opens with it. It spares the person a mail about every sign-in, and keeps what strangers
try apart from what they try themselves.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from app.accounts.models import Member
from app.auth.models import KnownBrowser
from app.core import tokens
from app.core.clock import now
from app.core.db import db

LASTS = timedelta(days=365)


def is_known(member: Member | None, secret: str | None) -> bool:
    """Whether this person has signed in in the browser with that cookie."""
    if member is None or not secret:
        return False
    return db.session.scalar(_row(member, secret)) is not None


def remember(member: Member, secret: str | None) -> str:
    """Know the browser from now on; returns the secret for its cookie."""
    secret = secret or tokens.secret()
    row = db.session.scalar(_row(member, secret))
    if row is None:
        db.session.add(KnownBrowser(member_id=member.id, token_hash=tokens.hashed(secret)))
    else:
        row.seen_at = now()
    db.session.flush()
    return secret


def forget(member: Member, *, since: datetime | None = None) -> None:
    """Know none of the person's browsers any more, or none that became known since."""
    gone = sa.delete(KnownBrowser).where(KnownBrowser.member_id == member.id)
    db.session.execute(gone.where(KnownBrowser.created_at >= since) if since else gone)


def _row(member: Member, secret: str) -> sa.Select[KnownBrowser]:
    return sa.select(KnownBrowser).where(
        KnownBrowser.token_hash == tokens.hashed(secret),
        KnownBrowser.member_id == member.id,
        KnownBrowser.seen_at > now() - LASTS,
    )
