"""All that an account keeps about a person, for that person: as JSON and as a page.

Read piece by piece, so that it is written as it goes, however long somebody has been there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.accounts.models import Account
from app.campaigns import liquid
from app.campaigns.models import Campaign
from app.contacts import channels, fields, resting, suppressions
from app.contacts.models import (
    AddressChange,
    BulkAction,
    Consent,
    Contact,
    ContactChange,
    ContactList,
    Finding,
    FormEntry,
    ImportChange,
    LeavingReason,
    Merge,
    SignUpForm,
    Subscription,
    Tag,
    bulk_change,
    contact_tag,
)
from app.core.clock import now
from app.core.db import db
from app.core.errors import DomainError
from app.delivery.models import Delivery, Event, Link

CHUNK = 500
#: Tables that hold something of a contact, and are all in here but for those below.
HANDED_OUT = frozenset({
    "address_change", "bulk_change", "channel_consent", "consent", "contact", "contact_change",
    "contact_frequency", "contact_merge", "contact_pause", "contact_tag", "delivery", "event",
    "finding", "import_change", "leaving_reason", "signup_form_entry", "subscription",
})  # fmt: skip
LEFT_OUT = {
    "house_contact": "says which login it is, and whoever signs in takes that along there",
    "import_journal": "says between which numbers the contacts of a file lie",
    "likeness": "there only while somebody looks for contacts that are one",
    "merged_mail": "the second mail of a campaign that is named, to an entry that became this one",
}

Item = dict[str, Any]


def person(contact: Contact) -> Item:
    """Who they are, as the account has it."""
    labels = {key: field.label for key, field in fields.of(contact.account_id).items()}
    tags = (
        sa.select(Tag.name)
        .join(contact_tag, contact_tag.c.tag_id == Tag.id)
        .where(contact_tag.c.contact_id == contact.id)
        .order_by(Tag.name)
    )
    pause = resting.paused(contact)
    ways = {name: one.is_allowed for name, one in channels.of(contact).items()}
    said = sa.select(LeavingReason.reason, LeavingReason.words, LeavingReason.at).where(
        LeavingReason.contact_id == contact.id
    )
    found = sa.select(Finding.kind).where(Finding.contact_id == contact.id)
    asked = sa.select(AddressChange.email).where(AddressChange.contact_id == contact.id)
    return {
        "email": contact.email,
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "company": contact.company,
        "known_elsewhere_as": contact.external_id,
        "kind": contact.kind,
        "fields": {labels.get(key, key): value for key, value in contact.fields.items()},
        "tags": list(db.session.scalars(tags)),
        "notes": contact.notes,
        "counted_by_name": not contact.tracking_off,
        "may_be_reached_by": ways,
        "not_mailed_because": _barred(contact),
        "noticed": sorted(set(db.session.scalars(found))),
        "address_to_confirm": db.session.scalar(asked) or "",
        "paused_until": pause.until if pause else None,
        "frequency": resting.frequency(contact) or "every mail",
        "reasons_for_leaving": [row._asdict() for row in db.session.execute(said)],
        "known_since": contact.created_at,
        "changed_at": contact.updated_at,
    }


def _barred(contact: Contact) -> Item | None:
    barred = suppressions.find(contact.account_id, contact.address)
    if barred is None:
        return None
    return {"reason": barred.reason, "detail": barred.detail, "since": barred.created_at}


def forms(contact: Contact) -> Iterator[Item]:
    """Forms that were filled in with their address."""
    rows = db.session.execute(
        sa.select(
            SignUpForm.name, FormEntry.version, FormEntry.language, FormEntry.answers,
            FormEntry.created_at, FormEntry.confirmed_at,
        )
        .join(SignUpForm, SignUpForm.id == FormEntry.form_id)
        .where(FormEntry.contact_id == contact.id)
        .order_by(FormEntry.id)
    )  # fmt: skip
    for row in rows.all():
        yield {
            "form": row.name, "version": row.version, "language": row.language,
            "waiting": row.answers, "at": row.created_at, "confirmed_at": row.confirmed_at,
        }  # fmt: skip


def before(contact: Contact) -> Iterator[Item]:
    """What it was before a file, an action on many or a merge, kept to be taken back."""
    of_files = sa.select(ImportChange.at, ImportChange.delta).where(
        ImportChange.contact_id == contact.id
    )
    for at, delta in db.session.execute(of_files.order_by(ImportChange.id)).all():
        yield {"at": at, "by": "file", "was": delta}
    of_actions = (
        sa.select(BulkAction.created_at, BulkAction.verb, *bulk_change.c)
        .join(BulkAction, BulkAction.id == bulk_change.c.action_id)
        .where(bulk_change.c.contact_id == contact.id)
        .order_by(bulk_change.c.action_id)
    )
    for row in db.session.execute(of_actions).mappings():
        was = {name: row[name] for name in ("was_state", "was_since", "was_ended", "was_value")}
        yield {"at": row["created_at"], "by": row["verb"], "was": was}
    merges = sa.select(Merge.at, Merge.was).where(Merge.kept_id == contact.id)
    for at, was in db.session.execute(merges.order_by(Merge.id)).all():
        yield {"at": at, "by": "merge", "was": was}


def lists(contact: Contact) -> Iterator[Item]:
    """Lists they are or were on."""
    rows = db.session.execute(
        sa.select(ContactList.name, Subscription.state, Subscription.since, Subscription.ended_at)
        .join(ContactList, ContactList.id == Subscription.list_id)
        .where(Subscription.contact_id == contact.id)
        .order_by(ContactList.name, ContactList.id)
    )
    for name, state, since, ended_at in rows.all():
        yield {"list": name, "state": state, "since": since, "ended_at": ended_at}


def consents(contact: Contact) -> Iterator[Item]:
    """What they agreed to and refused, the oldest first, with the evidence of it."""
    names = dict(
        db.session.execute(
            sa.select(ContactList.id, ContactList.name).where(
                ContactList.account_id == contact.account_id
            )
        ).all()
    )
    for (one,) in _in_pieces(sa.select(Consent).where(Consent.contact_id == contact.id), Consent):
        yield {
            "at": one.at, "what": one.kind, "how": one.source,
            "list": names.get(one.list_id, one.evidence.get("list", "")),
            "wording": one.wording, "evidence": one.evidence,
        }  # fmt: skip


def changes(contact: Contact) -> Iterator[Item]:
    """What was changed about them, and by whom; the oldest first."""
    query = sa.select(ContactChange).where(ContactChange.contact_id == contact.id)
    for (one,) in _in_pieces(query, ContactChange):
        yield {"at": one.at, "what": one.what, "by": one.source, "details": one.details}


def mails(contact: Contact) -> Iterator[Item]:
    """Campaign mails to them, the oldest first."""
    query = (
        sa.select(Delivery, Campaign.subject, Campaign.from_email)
        .join(Campaign, Campaign.id == Delivery.campaign_id)
        .where(Delivery.contact_id == contact.id, Campaign.account_id == contact.account_id)
    )
    subjects = _Subjects(contact)
    for delivery, subject, sender in _in_pieces(query, Delivery):
        yield {
            "subject": subjects.of(subject), "from": sender, "state": delivery.state,
            "reason": delivery.reason or "", "at": delivery.sent_at or delivery.claimed_at,
        }  # fmt: skip


def events(contact: Contact) -> Iterator[Item]:
    """What became of those mails, as far as it was counted by name."""
    query = (
        sa.select(Event, Campaign.subject, Link.url)
        .join(Campaign, Campaign.id == Event.campaign_id)
        .outerjoin(Link, Link.id == Event.link_id)
        .where(Event.contact_id == contact.id, Campaign.account_id == contact.account_id)
    )
    subjects = _Subjects(contact)
    for event, subject, url in _in_pieces(query, Event):
        yield {
            "at": event.at, "what": event.kind, "subject": subjects.of(subject), "link": url or "",
            "by_a_machine": event.verdict == "machine",
        }  # fmt: skip


class _Subjects:
    """Subjects as they were for this person, each filled in once."""

    def __init__(self, contact: Contact) -> None:
        account = db.session.get_one(Account, contact.account_id)
        self._values = liquid.contact_values(account, contact)
        self._known: dict[str, str] = {}

    def of(self, subject: str) -> str:
        if subject not in self._known:
            try:
                filled = liquid.parse(subject, "header").render(self._values)
            except DomainError:
                filled = subject
            self._known[subject] = filled
        return self._known[subject]


def as_json(account: Account, contact: Contact) -> Iterator[str]:
    """One JSON object, piece by piece."""
    head = {
        "made_at": now(),
        "sender": {"name": account.name, "address": account.address},
        "person": person(contact),
    }
    yield f"{_json(head)[:-1]}"
    parts = {
        "forms": forms(contact), "lists": lists(contact), "consents": consents(contact),
        "changes": changes(contact), "before": before(contact), "mails": mails(contact),
        "events": events(contact),
    }  # fmt: skip
    for name, items in parts.items():
        yield f', "{name}": ['
        yield from _with_commas(items)
        yield "]"
    yield "}\n"


def _with_commas(items: Iterable[Item]) -> Iterator[str]:
    for number, item in enumerate(items):
        yield f"{', ' if number else ''}{_json(item)}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _in_pieces(query: Any, model: Any) -> Iterator[Any]:
    """The rows of a query in the order of the model's id, some hundreds at a time."""
    last = 0
    while True:
        rows = db.session.execute(
            query.where(model.id > last).order_by(model.id).limit(CHUNK)
        ).all()
        yield from rows
        if len(rows) < CHUNK:
            return
        last = rows[-1][0].id
        for row in rows:
            db.session.expunge(row[0])
