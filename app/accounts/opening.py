"""Opening an account for a business."""

from __future__ import annotations

import sqlalchemy as sa

from app.accounts.models import Account, Member, Membership, Sender
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid
from app.mailer import address as addresses


def open_account(
    *,
    business: str,
    email: str,
    person: str = "",
    address: str = "",
    website: str = "",
    vouched: bool = False,
    sender: str | None = None,
) -> tuple[Account, Member]:
    """A business and its owner, who sets a password by link; a known person keeps theirs.

    `vouched`: made by the operator, so it is active at once. `sender`: an address that the
    operator answers for, which needs no confirmation by mail.
    """
    if not business.strip():
        raise Invalid("A business needs a name.", {"business": ["A business needs a name."]})
    account = Account(
        name=business.strip(),
        address=address,
        website=website,
        vouched=vouched,
        state="active" if vouched else "pending",
    )
    member = member_of(email, name=person)
    db.session.add(account)
    db.session.flush()
    db.session.add(Membership(account_id=account.id, member_id=member.id, role="owner"))
    if sender:
        confirmed = addresses.parse(sender).address
        db.session.add(
            Sender(account_id=account.id, email=confirmed, name=business, confirmed_at=now())
        )
    db.session.flush()
    return account, member


def member_of(email: str, *, name: str = "") -> Member:
    """The person with that address; made when nobody has it yet."""
    parsed = addresses.parse(email)
    member = find_member(parsed.address)
    if member is None:
        member = Member(email=parsed.address, name=name, staff_roles=[])
        db.session.add(member)
        db.session.flush()
    return member


def find_member(address: str) -> Member | None:
    """The person with that normalised address."""
    return db.session.scalar(sa.select(Member).where(Member.email == address))
