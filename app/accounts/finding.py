"""Finding an account from what one of the operator's people types."""

from __future__ import annotations

import sqlalchemy as sa

from app.accounts.models import Account, Member, Membership
from app.core.db import db
from app.core.errors import Invalid


def one(text: str) -> Account:
    """By its number, its whole name, or the address of somebody in it. Raises Invalid."""
    text = text.strip()
    query = sa.select(Account).order_by(Account.id).limit(2)
    if text.isascii() and text.isdigit() and len(text) < 18:
        query = query.where(Account.id == int(text))
    elif "@" in text:
        theirs = sa.select(Membership.account_id).join(Member, Member.id == Membership.member_id)
        query = query.where(Account.id.in_(theirs.where(Member.email == text.lower())))
    else:
        query = query.where(sa.func.lower(Account.name) == text.lower())
    found = db.session.scalars(query).all()
    if not found:
        raise Invalid(f"No account is found for “{text}”.")
    if len(found) > 1:
        raise Invalid(f"Several accounts fit “{text}”. Use the number of the one that is meant.")
    return found[0]


def several(text: str) -> list[Account]:
    """One a line, or separated by commas. Raises Invalid, naming the first that is unknown."""
    parts = [part.strip() for part in text.replace(",", "\n").splitlines()]
    found = {account.id: account for account in map(one, filter(None, parts))}
    return list(found.values())
