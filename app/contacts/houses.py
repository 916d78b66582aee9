"""The operator's own account, from which it writes to its customers: nobody else comes in.

Its contacts are members who agreed, put there by `staff.following` alone; whatever adds contacts
to an account asks `refuse` first.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from app.accounts.models import Account
from app.contacts.models import ContactList, House
from app.core.db import db
from app.core.errors import WrongState


class MembersOnly(WrongState):
    """Somebody wants to add contacts to the operator's own account."""

    def __init__(self) -> None:
        super().__init__(
            "Only customers who agreed are in this account. They come and go by themselves, on "
            "their page Your data and consents."
        )


def refuse(account: Account) -> None:
    """Raises MembersOnly where contacts come by no other way than by being a customer."""
    if account.is_house:
        raise MembersOnly


def find() -> House | None:
    """The operator's own account, once it was made."""
    return db.session.scalar(
        sa.select(House).join(Account, Account.id == House.account_id).where(Account.is_house)
    )


def topics(house: House) -> Sequence[ContactList]:
    """The lists that its mailings go to: newsletter, promotions."""
    ids = (house.newsletter_id, house.promotions_id)
    return db.session.scalars(
        sa.select(ContactList).where(ContactList.id.in_(ids)).order_by(ContactList.id)
    ).all()
