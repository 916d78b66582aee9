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
#: How many people of one browser it keeps apart.
SHARED_BY = 5


def is_known(member: Member | None, cookie: str | None) -> bool:
    """Whether this person has signed in in the browser with that cookie."""
    return member is not None and _row(member, cookie) is not None


def remember(member: Member, cookie: str | None) -> str:
    """Know the browser from now on; returns its cookie: a secret for each who shares it.

    Each gets a fresh one, for the others, or whoever planted the cookie, may know theirs.
    """
    row = _row(member, cookie)
    if row is not None and cookie:
        row.seen_at = now()
        return cookie
    secret = tokens.secret()
    db.session.add(KnownBrowser(member_id=member.id, token_hash=tokens.hashed(secret)))
    db.session.flush()
    return ".".join([secret, *_secrets(cookie)[: SHARED_BY - 1]])


def forget(member: Member, *, since: datetime | None = None) -> None:
    """Know none of the person's browsers any more, or none that became known since."""
    gone = sa.delete(KnownBrowser).where(KnownBrowser.member_id == member.id)
    db.session.execute(gone.where(KnownBrowser.created_at >= since) if since else gone)


def _secrets(cookie: str | None) -> list[str]:
    return [part for part in (cookie or "").split(".") if part][:SHARED_BY]


def _row(member: Member, cookie: str | None) -> KnownBrowser | None:
    hashes = [tokens.hashed(secret) for secret in _secrets(cookie)]
    if not hashes:
        return None
    return db.session.scalar(
        sa.select(KnownBrowser)
        .where(
            KnownBrowser.token_hash.in_(hashes),
            KnownBrowser.member_id == member.id,
            KnownBrowser.seen_at > now() - LASTS,
        )
        .limit(1)
    )
