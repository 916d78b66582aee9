"""Telling people what happens to their login, and a link for when it was somebody else."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from app.accounts import auditing, notices, opening, withdrawing
from app.accounts.models import Member
from app.auth import known_browsers, links, passwords, second_factors, sessions
from app.auth.models import (
    AlarmLink,
    Authenticator,
    EmailChange,
    Passkey,
    ProviderLogin,
    RecoveryCode,
    SignedIn,
    SignInStep,
)
from app.core import settings, tokens
from app.core.clock import now
from app.core.db import db

LASTS = timedelta(days=14)


def tell_of_sign_in(member: Member, *, network: str, browser: str) -> None:
    """Mail about a sign-in from where the person has not been before."""
    notices.queue(
        "sign_in_new",
        member.email,
        person=member.name,
        browser=browser,
        network=network,
        at=now(),
        url=_link(member, since=now()),
    )


def tell_of_change(member: Member, session: SignedIn, what: str) -> None:
    """Mail that something about signing in was changed; `what` goes on "you have …"."""
    notices.queue(
        "security_changed",
        member.email,
        person=member.name,
        what=what,
        browser=session.browser,
        network=session.network,
        at=now(),
        url=_link(member, since=session.created_at),
    )


def find(secret: str) -> AlarmLink:
    """A living link. Raises DeadLink."""
    return links.living(AlarmLink, secret)


def sound(secret: str) -> Member:
    """It was somebody else: shut everybody out, and mail a link to set a new password.

    Raises DeadLink.
    """
    link = find(secret)
    links.use_up(link)
    member = db.session.get_one(Member, link.member_id)
    shut_out(member, since=link.since, address=_address_before(member, link.since))
    return member


def shut_out(member: Member, *, since: datetime, address: str) -> None:
    """End all sessions, let the password and open links die, and forget what was added or handed
    out since.

    `address` is the one that counts again: a link to set a password goes there.
    """
    member.email = address
    db.session.flush()
    sessions.end_all(member)
    passwords.forget_links(member)
    passwords.spend(member)
    mine = EmailChange.member_id == member.id
    db.session.execute(
        sa.update(EmailChange).where(mine, EmailChange.used_at.is_(None)).values(used_at=now())
    )
    db.session.execute(
        sa.update(EmailChange).where(mine, EmailChange.used_at >= since).values(back_hash=None)
    )
    for row, moment in (
        (Authenticator, Authenticator.created_at),
        (RecoveryCode, RecoveryCode.created_at),
        (Passkey, Passkey.created_at),
        (ProviderLogin, ProviderLogin.created_at),
    ):
        db.session.execute(sa.delete(row).where(row.member_id == member.id, moment >= since))
    db.session.execute(sa.delete(SignInStep).where(SignInStep.member_id == member.id))
    second_factors.end_without_any(member)
    known_browsers.forget(member, since=since)
    withdrawing.withdraw_since(member, since)
    auditing.note(sessions.first_account(member), member, "sign_in.alarm")
    passwords.mail_link(member)


def _address_before(member: Member, since: datetime) -> str:
    """The address to which the alarm was mailed, where a thief has changed it since."""
    before = db.session.scalar(
        sa.select(EmailChange.old_email)
        .where(
            EmailChange.member_id == member.id,
            EmailChange.used_at >= since,
            EmailChange.old_email != "",
        )
        .order_by(EmailChange.used_at, EmailChange.id)
        .limit(1)
    )
    if before is None or opening.find_member(before) is not None:
        return member.email
    return before


def _link(member: Member, *, since: datetime) -> str:
    secret = tokens.secret()
    db.session.add(
        AlarmLink(
            member_id=member.id,
            token_hash=tokens.hashed(secret),
            since=since,
            expires_at=now() + LASTS,
        )
    )
    return f"{settings.get().BASE_URL}/not-me/{secret}"
