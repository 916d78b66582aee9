"""Why a mail came: what the record of consents says about the person it went to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import sqlalchemy as sa

from app.contacts.models import Consent
from app.core.db import db
from app.tracking.leaving import Visit, lists_behind, lists_of

MOST = 20
BY_SENDER = ("hand", "api", "import")


@dataclass(frozen=True)
class Step:
    """One thing that was recorded."""

    at: datetime
    text: str
    """Key of a text."""
    wording: str
    page: str
    """Where it was said, without what names the person; empty where nobody knows."""


@dataclass(frozen=True)
class Reason:
    """How somebody came onto a list, and what happened since."""

    list_name: str
    """Empty for what concerns no list."""
    steps: Sequence[Step]


def reasons(guest: Visit) -> list[Reason]:
    """By the lists that this mail went to, or all of them; oldest first, the latest MOST each."""
    if guest.contact is None:
        return []
    lists = lists_behind(guest) or lists_of(guest)
    entries = db.session.scalars(
        sa.select(Consent)
        .where(Consent.contact_id == guest.contact.id)
        .order_by(Consent.id.desc())
        .limit(200)
    ).all()
    found = []
    for name, list_id in [*((one.name, one.id) for one in lists), ("", None)]:
        steps = [_step(one) for one in reversed(entries) if one.list_id == list_id]
        if steps:
            found.append(Reason(name, steps[-MOST:]))
    return found


def shortened(address: str) -> str:
    """Enough of an address to know one's own, too little for others: a…@example.com."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"


def _step(one: Consent) -> Step:
    page = str(one.evidence.get("page") or "")
    parts = urlsplit(page)
    is_web = parts.scheme in ("http", "https")
    return Step(
        at=one.at,
        text=_text(one),
        wording=one.wording if one.kind in ("stated", "asked") and one.source != "api" else "",
        page=f"{parts.netloc}{parts.path}" if is_web and one.source == "form" else "",
    )


def _text(one: Consent) -> str:
    bare = "" if one.wording else "_bare"
    if one.kind == "stated":
        by = one.source if one.source in BY_SENDER else "else"
        return f"why_stated_{by}{bare if by == 'hand' else ''}"
    if one.kind == "asked":
        return f"why_asked_form{bare}" if one.source == "form" else "why_asked_else"
    if one.kind == "withdrawn" and one.source in BY_SENDER:
        return "why_withdrawn_by_sender"
    return f"why_{one.kind}"
