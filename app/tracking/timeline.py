"""What happened with one contact, newest first: mails, readings, permission, changes.

Each source is read through an index by the contact, in the order in which its rows were written,
from where the page before ended; a page merges them by their moment. So a page costs the same
for somebody with ten entries and for somebody with ten thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.accounts.models import Member
from app.campaigns.models import Campaign
from app.contacts import bulk_actions, heard
from app.contacts.models import (
    BulkAction,
    Consent,
    Contact,
    ContactChange,
    ContactList,
    Import,
    ImportChange,
    Tag,
    bulk_change,
)
from app.core.db import db
from app.core.errors import Invalid
from app.core.pagination import Page, decode, encode
from app.delivery.models import Delivery, Event, Link

PAGE = 30


@dataclass(frozen=True)
class Entry:
    """One line. `kind` is sent, failed, uncertain, open, click, unsubscribe, undo, bounce,
    complaint; stated, asked, confirmed, withdrawn, restored; added, imported, changed, merged,
    channel, bulk."""

    at: datetime
    kind: str
    key: int
    """Where it stands in its source; rows of one source have falling keys."""
    campaign: Campaign | None = None
    text: str = ""
    """The link that was followed, the reason of a failure, the list, the wording."""
    verdict: str = ""
    """human or machine, with `reason`; hard or soft for bounces."""
    reason: str = ""
    source: str = ""
    """hand, api, import, person, form, link, …: who brought it about."""
    member_id: int | None = None
    who: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    about_id: int | None = None
    """The bulk action or the import."""


Source = Callable[[Contact, int | None, int], list[Entry]]


def page(
    contact: Contact, *, only: str = "", cursor: str | None = None, limit: int = PAGE
) -> Page[Entry]:
    """Entries of all kinds, or of one of GROUPS. Raises Invalid for a made-up cursor."""
    names = GROUPS.get(only) or tuple(SOURCES)
    at = _positions(cursor, names)
    waiting = {name: SOURCES[name](contact, at.get(name), limit + 1) for name in names}
    taken: list[Entry] = []
    while len(taken) < limit and any(waiting.values()):
        name = max((n for n in names if waiting[n]), key=lambda n: waiting[n][0].at)
        entry = waiting[name].pop(0)
        taken.append(entry)
        at[name] = entry.key
    older = encode([[name, key] for name, key in at.items()]) if any(waiting.values()) else None
    return Page(_with_names(taken), older)


def _positions(cursor: str | None, names: Sequence[str]) -> dict[str, int]:
    given: Sequence[Any] = decode(cursor) or []
    for pair in given:
        if not (isinstance(pair, list) and len(pair) == 2 and pair[0] in names):
            raise Invalid("This page address is not complete. Start again from the contact.")
        if type(pair[1]) is not int or abs(pair[1]) >= 1 << 62:
            raise Invalid("This page address is not complete. Start again from the contact.")
    return {name: key for name, key in given}  # noqa: C416 - pairs are lists


def _with_names(entries: list[Entry]) -> list[Entry]:
    ids = {entry.member_id for entry in entries if entry.member_id}
    if not ids:
        return entries
    rows = db.session.scalars(sa.select(Member).where(Member.id.in_(ids)))
    names = {row.id: row.name or row.email for row in rows}
    for entry in entries:
        object.__setattr__(entry, "who", names.get(entry.member_id or 0, ""))
    return entries


def _mails(contact: Contact, below: int | None, limit: int) -> list[Entry]:
    query = (
        sa.select(Delivery, Campaign)
        .join(Campaign, Campaign.id == Delivery.campaign_id)
        .where(
            Delivery.contact_id == contact.id,
            Campaign.account_id == contact.account_id,
            Delivery.state.in_(("sent", "failed", "uncertain")),
        )
    )
    if below is not None:
        query = query.where(Delivery.campaign_id < below)
    rows = db.session.execute(query.order_by(Delivery.campaign_id.desc()).limit(limit))
    return [
        Entry(
            delivery.sent_at or delivery.claimed_at or campaign.created_at, delivery.state,
            campaign.id, campaign, text=delivery.answer or "",
        )
        for delivery, campaign in rows
    ]  # fmt: skip


def _events(*conditions: Any) -> Source:
    def read(contact: Contact, below: int | None, limit: int) -> list[Entry]:
        query = (
            sa.select(Event, Campaign, Link.label, Link.url)
            .join(Campaign, Campaign.id == Event.campaign_id)
            .outerjoin(Link, Link.id == Event.link_id)
            .where(Event.contact_id == contact.id, Campaign.account_id == contact.account_id)
            .where(*conditions)
        )
        if below is not None:
            query = query.where(Event.id < below)
        rows = db.session.execute(query.order_by(Event.id.desc()).limit(limit))
        return [
            Entry(
                event.at, event.kind, event.id, campaign, text=label or url or "",
                verdict=event.verdict or "", reason=event.reason,
            )
            for event, campaign, label, url in rows
        ]  # fmt: skip

    return read


def _consents(contact: Contact, below: int | None, limit: int) -> list[Entry]:
    query = (
        sa.select(Consent, ContactList.name)
        .outerjoin(ContactList, ContactList.id == Consent.list_id)
        .where(Consent.contact_id == contact.id)
    )
    if below is not None:
        query = query.where(Consent.id < below)
    rows = db.session.execute(query.order_by(Consent.id.desc()).limit(limit))
    return [
        Entry(
            one.at, one.kind, one.id, text=name or "", source=one.source, reason=one.wording,
            member_id=one.evidence.get("member"), about_id=one.evidence.get("bulk"),
        )
        for one, name in rows
    ]  # fmt: skip


def _changes(contact: Contact, below: int | None, limit: int) -> list[Entry]:
    query = sa.select(ContactChange).where(ContactChange.contact_id == contact.id)
    if below is not None:
        query = query.where(ContactChange.id < below)
    rows = db.session.scalars(query.order_by(ContactChange.id.desc()).limit(limit))
    return [
        Entry(
            row.at, row.what, row.id, source=row.source, member_id=row.member_id,
            details=dict(row.details),
        )
        for row in rows
    ]  # fmt: skip


def _imports(contact: Contact, below: int | None, limit: int) -> list[Entry]:
    """What files changed of somebody who was here, as long as their journals are kept."""
    query = (
        sa.select(ImportChange, Import)
        .join(Import, Import.id == ImportChange.import_id)
        .where(ImportChange.contact_id == contact.id, Import.account_id == contact.account_id)
    )
    if below is not None:
        query = query.where(ImportChange.id < below)
    rows = db.session.execute(query.order_by(ImportChange.id.desc()).limit(limit)).all()
    tags = _called(Tag, {tag for change, _ in rows for tag in change.delta.get("tags", ())})
    lists = _called(ContactList, {one for row in rows for one in _joined(*row)})
    return [
        Entry(
            change.at, "changed", change.id, text=file.filename, source="import",
            member_id=file.member_id, details=_by_file(change, file, tags, lists),
            about_id=file.id,
        )
        for change, file in rows
    ]  # fmt: skip


def _called(model: type[Tag | ContactList], ids: set[int]) -> dict[int, str]:
    """What these are called; none is looked for where there are none."""
    if not ids:
        return {}
    query = sa.select(model.id, model.name).where(model.id.in_(sorted(ids)))
    return {row.id: row.name for row in db.session.execute(query)}


def _joined(change: ImportChange, file: Import) -> list[int]:
    """The lists that the file put somebody on."""
    chosen = [file.list_id] if change.delta.get("joined") and file.list_id else []
    return [*chosen, *change.delta.get("lists", [])]


def _by_file(
    change: ImportChange, file: Import, tags: dict[int, str], lists: dict[int, str]
) -> dict[str, Any]:
    """As ContactChange has its details; lists by name."""
    values: dict[str, Any] = {
        name.replace("field:", "fields.").removeprefix("channel:"): (
            [_yes_or_no(one) for one in value] if name.startswith("channel:") else value
        )
        for name, value in change.delta.get("values", {}).items()
        if name not in ("updated_at", "kind_by")
    }
    if added := [tags[one] for one in change.delta.get("tags", []) if one in tags]:
        values["tags"] = {"added": added, "removed": []}
    if on := [lists[one] for one in _joined(change, file) if one in lists]:
        values["lists"] = on
    return values


def _yes_or_no(answer: heard.Answer) -> str:
    return "" if answer is None else "yes" if answer[0] else "no"


def _bulk(contact: Contact, below: int | None, limit: int) -> list[Entry]:
    here = bulk_change.c
    query = (
        sa.select(BulkAction)
        .join(bulk_change, here.action_id == BulkAction.id)
        .where(here.contact_id == contact.id, BulkAction.account_id == contact.account_id)
    )
    if below is not None:
        query = query.where(here.action_id < below)
    rows = db.session.scalars(query.order_by(here.action_id.desc()).limit(limit))
    return [
        Entry(
            row.began_at or row.created_at, "bulk", row.id, text=bulk_actions.title(row),
            reason=row.state, source="hand", member_id=row.member_id, about_id=row.id,
        )
        for row in rows
    ]  # fmt: skip


def _beginning(contact: Contact, below: int | None, _limit: int) -> list[Entry]:
    """How the contact came to be here: one line, unless the changes say it."""
    if below is not None or _says_who_added(contact):
        return []
    if contact.import_id is None:
        return [Entry(contact.created_at, "added", 1)]
    found = db.session.get(Import, contact.import_id)
    name, member = (found.filename, found.member_id) if found else ("", None)
    return [
        Entry(
            contact.created_at, "imported", 1, text=name, source="import", member_id=member,
            about_id=found.id if found else None,
        )
    ]  # fmt: skip


def _says_who_added(contact: Contact) -> bool:
    # Whoever was merged into this contact brought a line of their own.
    noted = sa.select(ContactChange.id).where(
        ContactChange.contact_id == contact.id,
        ContactChange.what == "added",
        ContactChange.at.between(contact.created_at, contact.created_at + timedelta(minutes=1)),
    )
    return db.session.scalar(noted.limit(1)) is not None


_READ = Event.kind.in_(("open", "click"))
SOURCES: dict[str, Source] = {
    "mails": _mails,
    "people": _events(_READ, Event.verdict == "human"),
    "machines": _events(_READ, Event.verdict == "machine"),
    "events": _events(~_READ),
    "consents": _consents,
    "changes": _changes,
    "imports": _imports,
    "bulk": _bulk,
    "beginning": _beginning,
}
#: What a page can be narrowed to.
GROUPS: dict[str, tuple[str, ...]] = {
    "mails": ("mails", "events"),
    "reading": ("people",),
    "machines": ("machines",),
    "permission": ("consents", "events"),
    "changes": ("changes", "imports", "bulk", "beginning"),
}
