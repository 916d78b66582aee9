"""Sessions kept on the server: the cookie holds a random secret, the database its hash."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.accounts.models import Account, Member, Membership
from app.auth.models import SignedIn
from app.core import tokens
from app.core.clock import now
from app.core.db import db
from app.core.errors import NotFound

LASTS = timedelta(days=30)
#: However much it is used.
AT_MOST = timedelta(days=90)
#: `seen_at` is written at most this often, so that reading a page does not write.
SEEN_EVERY = timedelta(minutes=10)


#: How long what was proven counts as proven just now.
RECENT = timedelta(minutes=15)
#: How long the staff console stays open before staff show once more who they are.
SHIFT = timedelta(hours=12)


def start(
    member: Member,
    *,
    network: str = "",
    browser: str = "",
    way: str = "password",
    is_strong: bool = False,
) -> str:
    """A new session; returns the secret for the cookie."""
    secret = tokens.secret()
    account = first_account(member)
    db.session.add(
        SignedIn(
            member_id=member.id,
            token_hash=tokens.hashed(secret),
            account_id=account.id if account else None,
            network=network,
            browser=browser[:200],
            way=way,
            is_strong=is_strong,
        )
    )
    db.session.flush()
    return secret


def find(secret: str) -> SignedIn | None:
    """The living session of a cookie's secret."""
    row = db.session.scalar(
        sa.select(SignedIn).where(
            SignedIn.token_hash == tokens.hashed(secret), SignedIn.ended_at.is_(None)
        )
    )
    return row if row is not None and ends_at(row) >= now() else None


def ends_at(session: SignedIn) -> datetime:
    """When it ends by itself, unless it is used before: but then, too, at the latest."""
    return min(session.seen_at + LASTS, session.created_at + AT_MOST)


def touch(session: SignedIn, at: datetime) -> None:
    """Note that the session is in use."""
    session.seen_at = at


def confirm(session: SignedIn, *, strongly: bool = False) -> str:
    """Note that the person proved once more who they are; returns a new secret for the cookie.

    The old one dies, so that who has stolen it does not share in what opens now.
    """
    secret = tokens.secret()
    session.token_hash = tokens.hashed(secret)
    session.confirmed_at = now()
    session.is_strong = session.is_strong or strongly
    return secret


def is_recent(session: SignedIn, *, within: timedelta = RECENT) -> bool:
    """Whether they did so just now."""
    return session.confirmed_at > now() - within


def is_familiar(member: Member, *, network: str, browser: str) -> bool:
    """Whether the person has been there before, or nowhere at all yet."""
    been = sa.select(SignedIn.id).where(SignedIn.member_id == member.id)
    there = been.where(SignedIn.network == network, SignedIn.browser == browser[:200])
    return db.session.scalar(there.limit(1)) is not None or db.session.scalar(been.limit(1)) is None


def end(session: SignedIn) -> None:
    """Sign one browser out."""
    session.ended_at = now()


def end_all(member: Member, *, but: SignedIn | None = None) -> int:
    """Sign a person out everywhere else; returns how many sessions ended."""
    ended = db.session.execute(
        sa.update(SignedIn)
        .where(
            SignedIn.member_id == member.id,
            SignedIn.ended_at.is_(None),
            SignedIn.id != (but.id if but else 0),
        )
        .values(ended_at=now())
        .returning(SignedIn.id)
    )
    return len(ended.all())


def living(member: Member) -> Sequence[SignedIn]:
    """A person's sessions that still count, the latest used first."""
    return db.session.scalars(
        sa.select(SignedIn)
        .where(
            SignedIn.member_id == member.id,
            SignedIn.ended_at.is_(None),
            SignedIn.seen_at > now() - LASTS,
            SignedIn.created_at > now() - AT_MOST,
        )
        .order_by(SignedIn.seen_at.desc(), SignedIn.id.desc())
        .limit(50)
    ).all()


def end_one(member: Member, session_id: int) -> None:
    """Sign one of the person's browsers out. Raises NotFound."""
    ended = db.session.execute(
        sa.update(SignedIn)
        .where(
            SignedIn.id == session_id,
            SignedIn.member_id == member.id,
            SignedIn.ended_at.is_(None),
        )
        .values(ended_at=now())
        .returning(SignedIn.id)
    )
    if ended.scalar() is None:
        raise NotFound("That session")


def look_at(session: SignedIn, account_id: int) -> Account:
    """Change to another account of the same person. Raises NotFound."""
    account = db.session.scalar(
        sa.select(Account)
        .join(Membership)
        .where(Membership.member_id == session.member_id, Account.id == account_id)
    )
    if account is None:
        raise NotFound("That account")
    session.account_id = account.id
    return account


def first_account(member: Member) -> Account | None:
    """The account a person sees after signing in."""
    return db.session.scalar(
        sa.select(Account)
        .join(Membership)
        .where(Membership.member_id == member.id)
        .order_by(Membership.id)
        .limit(1)
    )
