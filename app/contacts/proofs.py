"""What a file says about a person's consent: when, from where; kept as evidence.

A network address is shortened before anything is kept. A time that cannot be read for sure is
kept as it stands in the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from app.contacts.models import Import
from app.contacts.rows import Person
from app.contacts.text import clean_line, mask_card_numbers
from app.core.networks import shortened

#: Day and month in the order that their separator tells; 03/04/2024 can be either and stays text.
_FORMATS = (
    "%d-%m-%Y %H:%M", "%d-%m-%Y %H:%M:%S", "%d-%m-%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d",
)  # fmt: skip


def moment(text: str) -> datetime | None:
    """A time in UTC, which is what exports mean when they name no zone; None when in doubt."""
    text = text.strip().removesuffix(" UTC")
    found = _iso(text) or next(filter(None, (_read(text, form) for form in _FORMATS)), None)
    if found is None or found.year < 1990:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _read(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007
    except ValueError:
        return None


def consents(import_: Import, people: Sequence[Person], now: datetime) -> list[dict[str, Any]]:
    """Rows of Consent for the people that the file says more about than that they are in it."""
    return [_consent(import_, person, now) for person in people if person.proof]


def _consent(import_: Import, person: Person, now: datetime) -> dict[str, Any]:
    said = person.proof or {}
    evidence: dict[str, Any] = {"import": import_.id, "member": import_.member_id}
    times: dict[str, datetime] = {}
    for name in ("signed_up", "confirmed"):
        text = said.get(name, "")
        at = moment(text) if text else None
        if at and at <= now:
            times[name], evidence[name] = at, at.isoformat()
        elif text:
            evidence[name] = mask_card_numbers(clean_line(text, 100))
    if where := shortened(said.get("from", "").strip()):
        evidence["network"] = where
    kind = "confirmed" if "confirmed" in evidence else "asked"
    return {
        "account_id": import_.account_id,
        "contact_id": person.id,
        "address": person.address,
        "list_id": import_.list_id,
        "kind": kind,
        "source": "import",
        "wording": f"said by the file {import_.filename}",
        "evidence": evidence,
        "at": times.get("confirmed" if kind == "confirmed" else "signed_up", now),
    }
