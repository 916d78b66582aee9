"""Adding, changing and erasing contacts, one at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from app.accounts.models import Account
from app.contacts import counting, suppressions
from app.contacts import fields as custom
from app.contacts import tags as tagging
from app.contacts.models import Contact, Subscription, contact_tag
from app.contacts.text import (
    clean_line,
    clean_note,
    guess_kind,
    refuse_card_number,
    search_key,
)
from app.core.clock import now
from app.core.db import db
from app.core.errors import DomainError, Invalid
from app.mailer.address import Address, BadAddress, parse

KINDS = ("person", "organisation")
NAMES = {"first_name": "The first name", "last_name": "The last name", "company": "The company"}


class AddressTaken(DomainError):
    """Another contact of the account has the address."""

    status = 409

    def __init__(self, contact: Contact) -> None:
        self.contact = contact
        super().__init__(f"{contact.email} is among your contacts already.")


def create(
    account: Account,
    email: str,
    *,
    first_name: str = "",
    last_name: str = "",
    company: str = "",
    kind: str = "",
    fields: Mapping[str, Any] | None = None,
    tags: Iterable[str] = (),
    notes: str = "",
    is_sample: bool = False,
    by_person: bool = False,
) -> Contact:
    """A new contact; its kind is guessed where it is not given.

    Raises Invalid, AddressTaken, and Suppressed for somebody who was erased and stays out, unless
    they come back by themselves (`by_person`): they are asked to confirm that.
    """
    address = _address(account.id, email, unless=None)
    if not by_person:
        _refuse_erased(account.id, address.address)
    contact = Contact(account_id=account.id, fields={}, is_sample=is_sample)
    contact.email, contact.address = address.email, address.address
    names = {"first_name": first_name, "last_name": last_name, "company": company}
    _set_names(contact, names)
    contact.kind = _kind(kind) or guess_kind(
        address.local, contact.first_name, contact.last_name, contact.company
    )
    contact.notes = _notes(notes)
    contact.fields = _merged(contact, fields or {})
    db.session.add(contact)
    db.session.flush()
    counting.people(account.id, 1)
    tagging.replace(contact, tags)
    return contact


def update(contact: Contact, **changes: Any) -> bool:
    """Change what is named: email, names, company, kind, notes, fields (merged; None removes a
    value), tags (replaced). Returns whether anything is different now.

    Raises Invalid, AddressTaken, and Suppressed for an address that must not be mailed.
    """
    before = _seen(contact)
    if "email" in changes:
        _readdress(contact, changes["email"])
    _set_names(contact, {name: changes[name] for name in NAMES if name in changes})
    if "kind" in changes:
        contact.kind = _kind(changes["kind"]) or contact.kind
    if "notes" in changes:
        contact.notes = _notes(changes["notes"] or "")
    if changes.get("fields"):
        contact.fields = _merged(contact, changes["fields"])
    if "tracking_off" in changes:
        contact.tracking_off = bool(changes["tracking_off"])
    retagged = "tags" in changes and tagging.replace(contact, changes["tags"] or ())
    different = retagged or _seen(contact) != before
    if different:
        contact.updated_at = now()
    db.session.flush()
    return different


def delete(contact: Contact, *, by_person: bool = False) -> None:
    """Erase a contact. What was mailed still counts; who was suppressed stays out by a hash.

    The owner's deletion alone keeps nobody out; a person's own wish (`by_person`) does.
    """
    suppression = suppressions.find(contact.account_id, contact.address)
    if suppression is None and by_person:
        suppressions.add(contact.account_id, contact.address, reason="erased")
        suppression = suppressions.find(contact.account_id, contact.address)
    if suppression:
        suppressions.forget_address(suppression, reason="erased" if by_person else "")
    delete_rows(contact.account_id, [contact.id])


def delete_many(account: Account, contact_ids: Sequence[int]) -> int:
    """Erase these contacts of the account; returns how many there were."""
    found = db.session.scalars(
        sa.select(Contact).where(Contact.account_id == account.id, Contact.id.in_(contact_ids))
    ).all()
    for contact in found:
        delete(contact)
    return len(found)


def delete_rows(account_id: int, contact_ids: Sequence[int]) -> None:
    """Remove rows with all that hangs on them, and count."""
    _count_out(contact_ids)
    gone = db.session.execute(
        sa.delete(Contact).where(Contact.account_id == account_id, Contact.id.in_(contact_ids)),
        execution_options={"synchronize_session": "fetch"},
    )
    counting.people(account_id, -gone.rowcount)  # type: ignore[attr-defined]


def _count_out(contact_ids: Sequence[int]) -> None:
    """Lists and tags have these people no longer."""
    states = db.session.execute(
        sa.select(Subscription.list_id, Subscription.state, sa.func.count())
        .where(Subscription.contact_id.in_(contact_ids), Subscription.state != "ended")
        .group_by(Subscription.list_id, Subscription.state)
    )
    for list_id, state, number in states.all():
        counting.on_list(list_id, **{state: -number})
    words = db.session.execute(
        sa.select(contact_tag.c.tag_id, sa.func.count())
        .where(contact_tag.c.contact_id.in_(contact_ids))
        .group_by(contact_tag.c.tag_id)
    )
    for tag_id, number in words.all():
        counting.tagged(tag_id, -number)


def _address(account_id: int, email: str, *, unless: int | None) -> Address:
    try:
        address = parse(email)
    except BadAddress as error:
        raise Invalid(f"{clean_line(email, 80)}: {error}", {"email": [str(error)]}) from None
    taken = db.session.scalar(
        sa.select(Contact).where(
            Contact.account_id == account_id, Contact.address == address.address
        )
    )
    if taken and taken.id != unless:
        raise AddressTaken(taken)
    return address


def _refuse_erased(account_id: int, address: str) -> None:
    suppression = suppressions.find(account_id, address)
    if suppression and suppression.address is None:
        raise suppressions.Suppressed(suppression)


def _readdress(contact: Contact, email: str) -> None:
    with db.session.no_autoflush:
        address = _address(contact.account_id, email, unless=contact.id)
    if address.address != contact.address:
        # A new address would carry somebody who left, or was never to be mailed, past the wall.
        # A mailbox that does not exist is nobody's wish, and what people mend most.
        for wanted, passes in ((contact.address, "bounced"), (address.address, "")):
            suppression = suppressions.find(contact.account_id, wanted)
            if suppression and suppression.reason != passes:
                raise suppressions.Suppressed(suppression)
    contact.email, contact.address = address.email, address.address


def _set_names(contact: Contact, names: Mapping[str, Any]) -> None:
    for name, given in names.items():
        value = clean_line(given or "")
        refuse_card_number(value, NAMES[name])
        setattr(contact, name, value)
    contact.first_key = search_key(contact.first_name or "")
    contact.last_key = search_key(contact.last_name or "")
    contact.company_key = search_key(contact.company or "")


def _kind(kind: str) -> str:
    if kind and kind not in KINDS:
        raise Invalid("A contact is a person or an organisation.", {"kind": ["Choose one."]})
    return kind


def _notes(text: str) -> str:
    text = clean_note(text)
    refuse_card_number(text, "The note")
    return text


def _merged(contact: Contact, given: Mapping[str, Any]) -> dict[str, Any]:
    """The contact's fields with these values, named by key or label; unknown ones are made."""
    known = custom.of(contact.account_id) if given else {}
    merged = dict(contact.fields)
    for key, value in given.items():
        field = known.get(key) or known.get(custom.key_for(key))
        if field is None:
            if value in (None, ""):
                merged.pop(key, None)
                continue
            field = custom.create(contact.account_id, key, key=custom.key_for(key))
            known[field.key] = field
        read = custom.read(field.type, field.label, value)
        if read is None:
            merged.pop(field.key, None)
        else:
            merged[field.key] = read
    return merged


def _seen(contact: Contact) -> tuple[Any, ...]:
    names = (contact.first_name, contact.last_name, contact.company)
    return (
        contact.email, contact.kind, contact.notes, contact.tracking_off,
        *names, dict(contact.fields),
    )  # fmt: skip
