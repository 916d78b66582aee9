"""A sign-in on its way: kept on the server between two requests, used once, over in minutes.

The cookie holds a random secret, the row its hash, so that nothing of it can be played again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from app.accounts.models import Member
from app.auth.models import SignInStep
from app.core import tokens
from app.core.clock import now
from app.core.db import db
from app.core.errors import DomainError

LASTS = timedelta(minutes=10)
#: Wrong codes after which one begins again.
TRIES = 5


class Over(DomainError):
    """Used, expired, tried too often or never begun."""

    status = 410

    def __init__(self) -> None:
        super().__init__("That took too long, or was done already. Begin again.")


def begin(
    kind: str,
    member: Member | None = None,
    *,
    is_known: bool = False,
    lasts: timedelta = LASTS,
    **data: Any,
) -> str:
    """A new step; returns its secret."""
    secret = tokens.secret()
    db.session.add(
        SignInStep(
            kind=kind,
            token_hash=tokens.hashed(secret),
            member_id=member.id if member else None,
            data=data,
            is_known=is_known,
            expires_at=now() + lasts,
        )
    )
    db.session.flush()
    return secret


def find(kind: str, secret: str | None) -> SignInStep:
    """A living step of that kind. Raises Over."""
    step = db.session.scalar(
        sa.select(SignInStep).where(
            SignInStep.token_hash == tokens.hashed(secret or ""), SignInStep.kind == kind
        )
    )
    if step is None or step.used_at or step.expires_at <= now() or step.tries >= TRIES:
        raise Over
    return step


def living(kind: str, member: Member) -> int:
    """How many of that kind are under way for somebody."""
    found = sa.select(sa.func.count()).where(
        SignInStep.kind == kind,
        SignInStep.member_id == member.id,
        SignInStep.used_at.is_(None),
        SignInStep.expires_at > now(),
    )
    return db.session.scalar(found) or 0


def use(step: SignInStep) -> None:
    """Conditional, so that of two who come at once one is too late. Raises Over."""
    used = db.session.execute(
        sa.update(SignInStep)
        .where(SignInStep.id == step.id, SignInStep.used_at.is_(None))
        .values(used_at=now())
        .returning(SignInStep.id)
    )
    if used.scalar() is None:
        raise Over


def end_all(member: Member) -> None:
    """Let every sign-in of somebody that is under way end; wrong codes stay counted."""
    db.session.execute(
        sa.update(SignInStep)
        .where(SignInStep.member_id == member.id, SignInStep.used_at.is_(None))
        .values(used_at=now())
    )


def member_of(step: SignInStep) -> Member:
    """Who it is about. Raises Over where it names nobody."""
    member = db.session.get(Member, step.member_id) if step.member_id else None
    if member is None:
        raise Over
    return member
