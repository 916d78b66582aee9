"""What was changed about a contact, and by whom: rows are only ever added."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.contacts.models import Contact, ContactChange
from app.core.db import db

#: Long texts are shortened here: the log says what changed, it is no second copy.
MOST_SHOWN = 200


@dataclass(frozen=True)
class Actor:
    """Who changes something: `source` is hand, api, import or person; empty where nobody says."""

    source: str = ""
    member_id: int | None = None


NOBODY = Actor()


def by_hand(member_id: int) -> Actor:
    """A member of the account, on a page."""
    return Actor("hand", member_id)


BY_API = Actor("api")
#: The person themselves, on the page of their preferences.
BY_PERSON = Actor("person")


def seen(contact: Contact) -> dict[str, Any]:
    """What of a contact is watched."""
    values = {
        "email": contact.email,
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "company": contact.company,
        "external_id": contact.external_id or "",
        "kind": contact.kind,
        "kind_by": contact.kind_by,
        "notes": contact.notes,
        "tracking_off": contact.tracking_off,
    }
    return values | {f"fields.{key}": value for key, value in contact.fields.items()}


def record(
    contact: Contact,
    before: Mapping[str, Any],
    *,
    by: Actor,
    added: Iterable[str] = (),
    removed: Iterable[str] = (),
) -> None:
    """Note what is different from `before` (of `seen`), and the tags that came and went."""
    after = seen(contact)
    details: dict[str, Any] = {
        name: [_short(before.get(name)), _short(after.get(name))]
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name) and name != "kind_by"
    }
    if "notes" in details:
        details["notes"] = []  # that they changed is enough
    tags = {"added": sorted(added), "removed": sorted(removed)}
    if any(tags.values()):
        details["tags"] = tags
    if details:
        note(contact, "changed", by=by, details=details)


def note(contact: Contact, what: str, *, by: Actor, details: Mapping[str, Any]) -> None:
    """Add a line, in the transaction of the change itself."""
    db.session.add(
        ContactChange(
            account_id=contact.account_id,
            contact_id=contact.id,
            what=what,
            source=by.source,
            member_id=by.member_id,
            details=dict(details),
        )
    )


def _short(value: Any) -> Any:
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False)
    return f"{value[:MOST_SHOWN]}…" if isinstance(value, str) and len(value) > MOST_SHOWN else value
