"""Adding, changing and removing contacts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from app.accounts.models import Account
from app.contacts import changes, counting, domain_rules, houses, kinds, suppressions
from app.contacts import fields as custom
from app.contacts import tags as tagging
from app.contacts.bulk import among
from app.contacts.changes import NOBODY, Actor
from app.contacts.models import Contact, Subscription, contact_tag
from app.contacts.text import (
    clean_line,
    clean_note,
    refuse_card_number,
    search_key,
)
from app.core.clock import now
from app.core.db import db
from app.core.errors import DomainError, Invalid
from app.mailer.address import Address, BadAddress, parse

KINDS = ("person", "organisation")
NAMES = {
    "first_name": "The first name", "last_name": "The last name", "company": "The company",
    "external_id": "The number",
}  # fmt: skip


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
    external_id: str = "",
    kind: str = "",
    fields: Mapping[str, Any] | None = None,
    tags: Iterable[str] = (),
    notes: str = "",
    is_sample: bool = False,
    by_person: bool = False,
    is_member: bool = False,
    by: Actor = NOBODY,
) -> Contact:
    """A new contact; its kind is guessed where it is not given.

    Raises Invalid, AddressTaken, and Suppressed for somebody who was erased and stays out, unless
    they come back by themselves (`by_person`): they are asked to confirm that. `is_member`: a
    customer who comes into the operator's own account, which takes nobody else.
    """
    if not is_member:
        houses.refuse(account)
    address = _address(account.id, email, unless=None)
    if not is_member:
        domain_rules.refuse(account.id, address.address)
    if not by_person:
        _refuse_erased(account.id, address.address)
    contact = Contact(account_id=account.id, fields={}, is_sample=is_sample)
    contact.email, contact.address = address.email, address.address
    names = {
        "first_name": first_name, "last_name": last_name, "company": company,
        "external_id": external_id,
    }  # fmt: skip
    _set_names(contact, names)
    _set_kind(contact, kind, by)
    contact.notes = _notes(notes)
    contact.fields = _merged(contact, fields or {})
    db.session.add(contact)
    db.session.flush()
    counting.people(account.id, 1)
    tagging.replace(contact, tags)
    if by.source:
        changes.note(contact, "added", by=by, details={})
    return contact


def update(contact: Contact, *, by: Actor = NOBODY, **given: Any) -> bool:
    """Change what is named: email, names, company, kind (empty: work it out again), notes,
    fields (merged; None removes a value), tags (replaced). Returns whether anything is different.

    `by` stands in the contact's history. A kind that nobody said is worked out anew. Raises
    Invalid, AddressTaken, and Suppressed for an address that must not be mailed.
    """
    before, had = changes.seen(contact), tagging.names_of(contact)
    if "email" in given:
        _readdress(contact, given["email"], is_member="is_member" in given)
    _set_names(contact, {name: given[name] for name in NAMES if name in given})
    if "notes" in given:
        contact.notes = _notes(given["notes"] or "")
    if given.get("fields"):
        contact.fields = _merged(contact, given["fields"])
    if "tracking_off" in given:
        contact.tracking_off = bool(given["tracking_off"])
    if "kind" in given or (not contact.kind_by and _named(contact) != _named(before)):
        _set_kind(contact, given.get("kind") or "", by)
    retagged = "tags" in given and tagging.replace(contact, given["tags"] or ())
    different = retagged or changes.seen(contact) != before
    if different:
        contact.updated_at = now()
        has = tagging.names_of(contact)
        changes.record(contact, before, by=by, added=has - had, removed=had - has)
    db.session.flush()
    return different


def _named(seen: Contact | Mapping[str, Any]) -> tuple[Any, ...]:
    """What the kind is worked out from."""
    names = ("email", *NAMES)
    if isinstance(seen, Contact):
        return tuple(getattr(seen, name) for name in names)
    return tuple(seen[name] for name in names)


def delete_rows(account_id: int, contact_ids: Sequence[int]) -> None:
    """Remove rows with all that hangs on them, and count.

    What is to be found elsewhere, and what keeps people out, is for contacts.erasing.
    """
    _count_out(contact_ids)
    gone = db.session.execute(
        sa.delete(Contact).where(Contact.account_id == account_id, among(Contact.id, contact_ids)),
        execution_options={"synchronize_session": "fetch"},
    )
    counting.people(account_id, -gone.rowcount)  # type: ignore[attr-defined]


def _count_out(contact_ids: Sequence[int]) -> None:
    """Lists and tags have these people no longer."""
    states = db.session.execute(
        sa.select(Subscription.list_id, Subscription.state, sa.func.count())
        .where(among(Subscription.contact_id, contact_ids), Subscription.state != "ended")
        .group_by(Subscription.list_id, Subscription.state)
    )
    for list_id, state, number in states.all():
        counting.on_list(list_id, **{state: -number})
    words = db.session.execute(
        sa.select(contact_tag.c.tag_id, sa.func.count())
        .where(among(contact_tag.c.contact_id, contact_ids))
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


def _readdress(contact: Contact, email: str, *, is_member: bool) -> None:
    with db.session.no_autoflush:
        address = _address(contact.account_id, email, unless=contact.id)
    if address.address != contact.address and not is_member:
        houses.refuse(db.session.get_one(Account, contact.account_id))
        domain_rules.refuse(contact.account_id, address.address)
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


def _set_kind(contact: Contact, kind: str, by: Actor) -> None:
    """As somebody says, which then stays; else as it looks."""
    if kind and kind not in KINDS:
        raise Invalid("A contact is a person or an organisation.", {"kind": ["Choose one."]})
    local = contact.address.rpartition("@")[0]
    guessed = kinds.guess(local, contact.first_name, contact.last_name, contact.company)
    contact.kind = kind or guessed
    contact.kind_by = (by.source or "hand") if kind else ""


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
            type_ = "json" if isinstance(value, list | dict) else "text"
            field = custom.create(contact.account_id, key, type_=type_, key=custom.key_for(key))
            known[field.key] = field
        read = custom.read(field.type, field.label, value)
        if read is None:
            merged.pop(field.key, None)
        else:
            merged[field.key] = read
    return merged
