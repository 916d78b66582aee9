"""Registering a business. Nothing of it works before the mailbox has answered."""

from __future__ import annotations

from dataclasses import dataclass, field

import sqlalchemy as sa

from app.accounts import auditing, notices, opening
from app.accounts.models import Account, Member, Membership
from app.auth import passwords
from app.core.db import db
from app.core.errors import Invalid
from app.mailer import address as addresses
from app.privacy import consenting
from app.privacy.models import PolicyVersion


@dataclass(frozen=True)
class Registration:
    """What somebody filled in."""

    person: str
    email: str
    business: str
    address: str
    website: str = ""
    consents: tuple[str, ...] = field(default=())
    """Kinds of consenting.WORDINGS that were ticked besides the declaration."""


def register(given: Registration, version: PolicyVersion, *, network: str = "") -> None:
    """Open an account, or tell the owner of the address that they have one.

    Whoever fills in the form learns neither: both ways write, and both mail.
    """
    try:
        address = addresses.parse(given.email).address
    except addresses.BadAddress as error:
        raise Invalid(str(error), {"email": [str(error)]}) from None
    member = opening.find_member(address)
    if member is not None and member.password_hash:
        url = passwords.url(passwords.issue(member))
        notices.queue("already_registered", member.email, person=member.name, url=url)
        return
    account, member = _open(given, member)
    _note_boxes(member, account, given, version, network)
    passwords.mail_link(member)


def _open(given: Registration, member: Member | None) -> tuple[Account, Member]:
    """A new account; or the one that somebody began and never opened, with what is said now."""
    begun = _begun(member) if member else None
    if member is None or begun is None:
        account, member = opening.open_account(
            business=given.business,
            email=given.email,
            person=given.person,
            address=given.address,
            website=given.website,
        )
        auditing.note(account, member, "account.register")
        return account, member
    begun.name, begun.address, begun.website = given.business, given.address, given.website
    member.name = given.person
    return begun, member


def _begun(member: Member) -> Account | None:
    return db.session.scalar(
        sa.select(Account)
        .join(Membership)
        .where(
            Membership.member_id == member.id,
            Membership.role == "owner",
            Account.state == "pending",
        )
        .limit(1)
    )


def _note_boxes(
    member: Member, account: Account, given: Registration, version: PolicyVersion, network: str
) -> None:
    for kind in ("business", *given.consents):
        consenting.record(member, account, kind, granted=True, network=network)
    consenting.accept(member, account, version, network=network)
