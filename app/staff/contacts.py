"""One contact of a customer, for support: found by the whole address alone, never by browsing."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from app.accounts.models import Account
from app.contacts import queries, suppressions
from app.contacts.models import Contact, ContactList, Subscription, Suppression
from app.core.db import db
from app.core.errors import Invalid
from app.mailer import address as addresses
from app.staff import book, looking
from app.staff.models import StaffLook


@dataclass(frozen=True)
class Seen:
    """What support needs to answer "why did this person get it, or not"."""

    contact: Contact
    subscriptions: list[tuple[ContactList, Subscription]]
    suppression: Suppression | None


def find(account: Account, look: StaffLook, *, address: str, reference: str) -> int | None:
    """The contact's id, written down as seen under that reference; None, written down as well.

    Raises Invalid.
    """
    reference = looking.check_reference(reference)
    try:
        wanted = addresses.parse(address).address
    except addresses.BadAddress as error:
        raise Invalid(str(error), {"address": [str(error)]}) from None
    found = db.session.scalar(
        sa.select(Contact.id).where(Contact.account_id == account.id, Contact.address == wanted)
    )
    verb = "see" if found else "search"
    book.note(look, verb, "contact", found, reference=reference)
    return found


def show(account: Account, look: StaffLook, contact_id: int) -> Seen:
    """One that was found in this look. Raises NotLooking, NotFound."""
    if not looking.has_seen(look, "contact", contact_id):
        raise looking.NotLooking
    contact = queries.contact(account, contact_id)
    subscriptions = [(list_, one) for list_, one in queries.subscriptions(contact)]
    return Seen(contact, subscriptions, suppressions.find(account.id, contact.address))
