"""What a person says about themselves; a new address counts once its mailbox has answered."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.accounts import auditing, notices, opening
from app.accounts.models import Member
from app.auth import alarms, links, passwords, sessions
from app.auth.models import EmailChange
from app.core import settings, tokens
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid
from app.mailer import address as addresses

LASTS = timedelta(days=1)
#: How long the old address may take a change back.
BACK_WITHIN = timedelta(days=7)


def change(member: Member, *, name: str, phone: str) -> None:
    """Name and telephone number."""
    member.name, member.phone = name, phone
    auditing.note(sessions.first_account(member), member, "profile.change")


def ask_for_email(member: Member, email: str) -> None:
    """Mail a link to the new address. An address that somebody else has gets none; nobody learns
    of that from the answer.
    """
    try:
        address = addresses.parse(email).address
    except addresses.BadAddress as error:
        raise Invalid(str(error), {"email": [str(error)]}) from None
    if address == member.email:
        raise Invalid("This is your address already.", {"email": ["It is your address already."]})
    if opening.find_member(address):
        return
    secret = tokens.secret()
    _forget_changes(member)
    db.session.add(
        EmailChange(
            member_id=member.id,
            email=address,
            token_hash=tokens.hashed(secret),
            expires_at=now() + LASTS,
        )
    )
    url = f"{settings.get().BASE_URL}/email/{secret}"
    notices.queue("email_change", address, person=member.name, url=url)


def find_change(secret: str) -> EmailChange:
    """A living link. Raises DeadLink."""
    return links.living(EmailChange, secret)


def confirm_email(secret: str) -> Member:
    """Use the new address, tell the old one, and let links that went there die."""
    change_ = find_change(secret)
    member = change_.member
    if opening.find_member(change_.email):
        raise links.DeadLink
    links.use_up(change_)
    back = tokens.secret()
    change_.old_email, change_.back_hash = member.email, tokens.hashed(back)
    _take_address(member, change_.email)
    passwords.forget_links(member)
    _forget_changes(member)
    notices.queue(
        "email_changed",
        change_.old_email,
        person=member.name,
        hint=_hint(member.email),
        url=f"{settings.get().BASE_URL}/email/back/{back}",
    )
    auditing.note(sessions.first_account(member), member, "profile.email")
    return member


def _take_address(member: Member, email: str) -> None:
    """Raises DeadLink where somebody else has taken it at the same instant."""
    member.email = email
    try:
        db.session.flush()
    except IntegrityError:
        raise links.DeadLink from None


def find_way_back(secret: str) -> EmailChange:
    """A change that the old address can still take back. Raises DeadLink."""
    found = db.session.scalar(
        sa.select(EmailChange).where(EmailChange.back_hash == tokens.hashed(secret))
    )
    if found is None or found.used_at is None or found.used_at + BACK_WITHIN <= now():
        raise links.DeadLink
    return found


def take_back(secret: str) -> Member:
    """Sign in with the old address again. Whoever changed it is shut out. Raises DeadLink."""
    change_ = find_way_back(secret)
    holder = opening.find_member(change_.old_email)
    if holder is not None and holder.id != change_.member_id:
        raise links.DeadLink
    used = db.session.execute(
        sa.update(EmailChange)
        .where(EmailChange.id == change_.id, EmailChange.back_hash == tokens.hashed(secret))
        .values(back_hash=None)
        .returning(EmailChange.id)
    )
    if used.scalar() is None:
        raise links.DeadLink
    member = change_.member
    _take_address(member, change_.old_email)
    alarms.shut_out(member, since=change_.created_at, address=change_.old_email)
    auditing.note(sessions.first_account(member), member, "profile.email_back")
    return member


def _forget_changes(member: Member) -> None:
    db.session.execute(
        sa.update(EmailChange)
        .where(EmailChange.member_id == member.id, EmailChange.used_at.is_(None))
        .values(used_at=now())
    )


def _hint(email: str) -> str:
    """Enough to recognise an address, too little to use it: a…@example.com."""
    local, _, domain = email.partition("@")
    return f"{local[:1]}…@{domain}"
