"""Parts of a take-out about what people chose for themselves, and what they were offered."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from app.contacts.models import (
    Contact,
    ContactField,
    ContactList,
    Frequency,
    LeavingReason,
    OpenField,
    Pause,
    PreferenceCentre,
    PublicList,
)
from app.core.clock import now
from app.core.db import db
from app.moving.parts import CHUNK, Chunk, Key, Scope, by_id, chunk, document, moment, table

CENTRE = (
    "words", "goodbye", "pauses", "with_names", "with_address", "with_frequency", "with_reasons",
    "privacy_contact", "privacy_words",
)  # fmt: skip


@table(
    "wishes.csv",
    "Who wants no mail for a while, and who only one a week or a month.",
    columns=("contact_id", "email", "paused_until", "frequency"),
    covers=("contact_pause", "contact_frequency"),
)
def wishes(scope: Scope, after: Key | None) -> Chunk:
    """Pauses that are over are left out; `frequency` is week, month or empty."""
    paused = sa.and_(Pause.contact_id == Contact.id, Pause.until > now())
    rows = db.session.execute(
        sa.select(Contact.id, Contact.email, Pause.until, Frequency.per)
        .outerjoin(Pause, paused)
        .outerjoin(Frequency, Frequency.contact_id == Contact.id)
        .where(
            Contact.account_id == scope.account.id, Contact.id > (after or [0])[0],
            Pause.contact_id.is_not(None) | Frequency.contact_id.is_not(None),
        )
        .order_by(Contact.id)
        .limit(CHUNK)
    ).all()  # fmt: skip
    cells = [(row.id, row.email, moment(row.until), row.per or "") for row in rows]
    return chunk(cells, lambda row: [row[0]])


@document(
    "preferences.json",
    "What people may choose on their page of preferences: lists, fields, pauses.",
    covers=("preference_centre", "public_list", "open_field"),
)
def preferences(scope: Scope) -> dict[str, Any]:
    """{centre: {words, pauses, with_…} or null, lists: [{list_id, list, name, description}],
    fields: [{key}]}; null where nothing was ever chosen, and the defaults hold."""
    centre = db.session.get(PreferenceCentre, scope.account.id)
    lists = db.session.execute(
        sa.select(
            PublicList.list_id, ContactList.name.label("list"), PublicList.name,
            PublicList.description,
        )
        .join(ContactList, ContactList.id == PublicList.list_id)
        .where(PublicList.account_id == scope.account.id)
        .order_by(PublicList.list_id)
    ).mappings()  # fmt: skip
    keys = db.session.scalars(
        sa.select(ContactField.key)
        .join(OpenField, OpenField.field_id == ContactField.id)
        .where(OpenField.account_id == scope.account.id)
        .order_by(ContactField.position, ContactField.id)
    )
    return {
        "centre": {name: getattr(centre, name) for name in CENTRE} if centre else None,
        "lists": [dict(row) for row in lists],
        "fields": [{"key": key} for key in keys],
    }


@table(
    "leaving_reasons.jsonl",
    "Why people left, where they told.",
    covers=("leaving_reason",),
)
def leaving_reasons(scope: Scope, after: Key | None) -> Chunk:
    """{id, campaign_id, contact_id, reason, words, at}."""
    return by_id(LeavingReason, scope, after)
