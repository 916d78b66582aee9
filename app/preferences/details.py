"""What a person may correct about themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.contacts import fields, writing
from app.contacts.changes import BY_PERSON
from app.contacts.models import ContactField
from app.contacts.text import NAME_LENGTH, CardNumber, clean_line, has_card_number
from app.preferences import centre
from app.preferences.guests import Guest

NAMES = ("first_name", "last_name", "company")
KINDS = ("person", "organisation")


@dataclass(frozen=True)
class Question:
    """One field of the form."""

    name: str
    """In the form."""
    label: str
    """The owner's, or empty for those that `texts` know as data_NAME."""
    type: str
    """text, number, date, yes_no or kind."""
    value: str
    error: str = ""
    """Key of a text."""


def questions(
    guest: Guest, given: Mapping[str, str] | None = None, errors: Mapping[str, str] | None = None
) -> list[Question]:
    """What can be filled in, with what is known or was typed; empty where nothing may be."""
    given, errors, contact = given or {}, errors or {}, guest.contact
    asked: list[tuple[str, str, str, str]] = []
    if centre.of(guest.account).with_names:
        asked += [(name, "", "text", getattr(contact, name, "")) for name in NAMES]
        asked.append(("kind", "", "kind", contact.kind if contact else "person"))
    for field in centre.open_fields(guest.account):
        value = contact.fields.get(field.key) if contact else None
        asked.append((_name(field), field.label, field.type, _shown(value)))
    return [
        Question(name, label, type_, given.get(name, value), errors.get(name, ""))
        for name, label, type_, value in asked
    ]


def save(guest: Guest, given: Mapping[str, str]) -> dict[str, str]:
    """Change what was typed, all or nothing; what is wrong, by the name in the form.

    Only what the account leaves to people is read, whatever was sent.
    """
    changes: dict[str, Any] = {}
    errors: dict[str, str] = {}
    if centre.of(guest.account).with_names:
        _read_names(given, changes, errors)
    values = _read_fields(guest, given, errors)
    if errors or guest.contact is None:
        return errors
    if changes.get("kind") == guest.contact.kind:
        del changes["kind"]  # left as it was: nobody said anything
    writing.update(guest.contact, by=BY_PERSON, **changes, fields=values)
    return {}


def _read_names(given: Mapping[str, str], changes: dict[str, Any], errors: dict[str, str]) -> None:
    for name in NAMES:
        if name not in given:
            continue
        value = clean_line(given[name], NAME_LENGTH + 1)
        if len(value) > NAME_LENGTH:
            errors[name] = "data_long"
        elif has_card_number(value):
            errors[name] = "data_card"
        else:
            changes[name] = value
    if given.get("kind") in KINDS:
        changes["kind"] = given["kind"]


def _read_fields(
    guest: Guest, given: Mapping[str, str], errors: dict[str, str]
) -> dict[str, fields.Value | None]:
    values: dict[str, fields.Value | None] = {}
    for field in centre.open_fields(guest.account):
        if (name := _name(field)) not in given:
            continue
        try:
            values[field.key] = fields.read(field.type, field.label, given[name])
        except CardNumber:
            errors[name] = "data_card"
        except fields.Misfit:
            errors[name] = "data_long" if field.type == "text" else f"data_{field.type}"
    return values


def _name(field: ContactField) -> str:
    return f"field-{field.key}"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
