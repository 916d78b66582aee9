"""A person wants mail at another address: it changes once that address has confirmed it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from app.accounts import notices
from app.accounts.models import Account
from app.contacts import consent, domain_rules, handles, suppressions, writing
from app.contacts.changes import BY_PERSON
from app.contacts.models import AddressChange, Contact
from app.core import settings, tokens
from app.core.clock import now
from app.core.db import db
from app.core.errors import TooMany, WrongState
from app.core.tokens import BadToken, Purpose
from app.mailer.address import BadAddress, parse
from app.preferences import asking
from app.preferences.guests import Guest
from app.tracking.texts import Texts

LIFE = timedelta(days=3)
MOST_A_DAY = 3


class AskedEnough(TooMany):
    """Several mails went out today."""

    def __init__(self) -> None:
        super().__init__("You asked for that several times today. Try again tomorrow.")


class Over(WrongState):
    """The link is old, used, or a later one replaced it."""

    def __init__(self) -> None:
        super().__init__("This link is over, or a later one replaced it.")


@dataclass(frozen=True)
class Wish:
    """What a confirmation link is about."""

    account: Account
    contact: Contact
    row: AddressChange

    @property
    def is_test(self) -> bool:
        """Never: tests have no such mail."""
        return False


def ask(guest: Guest, email: str, *, language: str) -> None:
    """Mail a confirmation to the new address. Raises BadAddress, also for one whose domain the
    account keeps out, and AskedEnough.

    Says nothing about whether somebody else is known by it: they get the link to their own
    preferences instead. Nor does it bring back an address that must not be mailed.
    """
    wanted, contact = parse(email), guest.contact
    if contact is None:
        return
    if domain_rules.of(contact.account_id).refuses(wanted.domain):
        raise BadAddress("Addresses of this domain are not taken here.")
    row = _counted(contact)
    other = db.session.scalar(
        sa.select(Contact.id).where(
            Contact.account_id == contact.account_id, Contact.address == wanted.address
        )
    )
    if other is not None:
        asking.ask(guest.account, wanted.email, language=language)
    elif suppressions.find(contact.account_id, wanted.address) is None:
        row.email, row.language = wanted.email, language
        row.number, row.until = secrets.randbits(60), now() + LIFE
        _mail_question(guest.account, row)
    db.session.flush()


def _counted(contact: Contact) -> AddressChange:
    moment = now()
    row = db.session.get(AddressChange, contact.id, with_for_update=True)
    if row is None:
        row = AddressChange(contact_id=contact.id, account_id=contact.account_id, since=moment, n=0)
        db.session.add(row)
    if row.since < moment - timedelta(days=1):
        row.since, row.n = moment, 0
    if row.n >= MOST_A_DAY:
        raise AskedEnough
    row.n += 1
    return row


def _mail_question(account: Account, row: AddressChange) -> None:
    token = tokens.sign(Purpose.ADDRESS, row.contact_id, row.number)
    notices.queue(
        "address_question",
        row.email,
        account=account,
        t=Texts(row.language, sender=account.name),
        link=f"{settings.get().BASE_URL}/p/address/{token}",
        days=LIFE.days,
        privacy=handles.privacy_page(account),
    )


def wish(token: str) -> Wish:
    """What the link would change. Raises BadToken, Over."""
    numbers = tokens.read(Purpose.ADDRESS, token)
    if len(numbers) != 2:
        raise BadToken
    contact_id, number = numbers
    row = db.session.get(AddressChange, contact_id, populate_existing=True)
    contact = db.session.get(Contact, contact_id)
    if row is None or contact is None or not row.email or row.number != number:
        raise Over
    if row.until is None or row.until < now():
        raise Over
    return Wish(db.session.get_one(Account, contact.account_id), contact, row)


def confirm(found: Wish, *, evidence: consent.Evidence | None = None) -> None:
    """The new address said yes. The old one is told. Raises AddressTaken, Suppressed."""
    contact, row = found.contact, found.row
    old, new = contact.email, row.email
    writing.update(contact, by=BY_PERSON, email=new)
    row.email, row.number, row.until = "", 0, None
    said = {**(evidence or {}), "page": "address", "changed": ["address"]}
    consent.note(contact, "changed", evidence=said)
    notices.queue(
        "address_moved", old, account=found.account,
        t=Texts(row.language, sender=found.account.name),
    )  # fmt: skip
