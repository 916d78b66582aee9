"""Who somebody is: by address and password, and nothing said about which of them was wrong."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from app.accounts import notices, opening
from app.accounts.models import Member, Notice
from app.auth import passwords
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid
from app.mailer import address as addresses

WARN_EVERY = timedelta(days=1)


class WrongPassword(Invalid):
    """Or a wrong address; the answer does not tell."""

    def __init__(self, member: Member | None = None) -> None:
        self.member_id = member.id if member else None
        super().__init__("Address and password do not belong together. Try again, or set a new.")


def check(email: str, password: str) -> Member:
    """The person with that address and password. Raises WrongPassword, always as slowly."""
    member = find(email)
    if not passwords.matches(member, password) or member is None:
        raise WrongPassword(member)
    return member


def find(email: str) -> Member | None:
    """The person with that address, however it is written."""
    try:
        return opening.find_member(addresses.parse(email).address)
    except addresses.BadAddress:
        return None


def forgot(email: str) -> None:
    """Mail a link; to an address that nobody has, a mail that says so. Both take as long."""
    member = find(email)
    if member is not None:
        passwords.mail_link(member)
        return
    try:
        notices.queue("no_account", addresses.parse(email).address)
    except addresses.BadAddress as error:
        raise Invalid(str(error), {"email": [str(error)]}) from None


def warn(email: str) -> None:
    """Tell a person, once a day, that many wrong passwords are tried for them."""
    member = find(email)
    if member is None:
        return
    if not was_told("sign_in_attempts", member):
        notices.queue("sign_in_attempts", member.email, person=member.name)


def was_told(kind: str, member: Member) -> bool:
    """Whether the person had a mail of that kind within a day."""
    lately = sa.select(Notice.id).where(
        Notice.kind == kind,
        Notice.to_email == member.email,
        Notice.created_at > now() - WARN_EVERY,
    )
    return db.session.scalar(lately.limit(1)) is not None
