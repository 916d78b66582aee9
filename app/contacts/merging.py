"""Two contacts become one: values, tags, lists, channels and permission. Histories of mails are
moved by `tracking.merging`, which calls this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.contacts import (
    changes,
    channels,
    consent,
    counting,
    pausing,
    suppressions,
    tags,
    writing,
)
from app.contacts.changes import Actor
from app.contacts.fields import of as fields_of
from app.contacts.models import (
    Consent,
    Contact,
    ContactChange,
    ContactList,
    LeavingReason,
    Subscription,
    Suppression,
    bulk_change,
)
from app.core.db import connection, db
from app.core.errors import Invalid, NotFound

NAMES = {
    "first_name": "First name", "last_name": "Last name", "company": "Company",
    "external_id": "Your own number",
}  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """A value that both have, and differently; `name` is as `join` takes it."""

    name: str
    label: str
    kept: Any
    other: Any


@dataclass(frozen=True)
class Preview:
    """What merging would do."""

    choices: list[Choice]
    filled: list[tuple[str, Any]]
    """Values that come along because the kept contact has none: label, value."""
    tags: list[str]
    """Tags that come along."""
    places: list[tuple[str, str]]
    """Lists, each with the state that comes of it."""
    suppression: Suppression | None
    """Why the merged contact is not mailed."""


def preview(keep: Contact, other: Contact) -> Preview:
    """Raises Invalid for one contact twice, NotFound across accounts."""
    _check(keep, other)
    mine, theirs = _values(keep), _values(other)
    labels = _labels(keep.account_id)
    both = [name for name in labels if mine.get(name) and theirs.get(name)]
    return Preview(
        choices=[
            Choice(name, labels[name], mine[name], theirs[name])
            for name in both
            if mine[name] != theirs[name]
        ],
        filled=[
            (labels[name], theirs[name])
            for name in labels
            if theirs.get(name) and not mine.get(name)
        ],
        tags=sorted(tags.names_of(other) - tags.names_of(keep)),
        places=[(list_.name, state) for list_, state in _joined(keep, other)],
        suppression=_strictest(keep, other),
    )


def _check(keep: Contact, other: Contact) -> None:
    if keep.id == other.id:
        raise Invalid("Choose two different people.")
    if keep.account_id != other.account_id:
        raise NotFound("The contact")


def _values(contact: Contact) -> dict[str, Any]:
    names = {name: getattr(contact, name) for name in NAMES}
    return names | {f"fields.{key}": value for key, value in contact.fields.items()}


def _labels(account_id: int) -> dict[str, str]:
    own = fields_of(account_id)
    return NAMES | {f"fields.{key}": field.label for key, field in own.items()}


def _places(contact: Contact) -> dict[int, Subscription]:
    rows = db.session.scalars(
        sa.select(Subscription).where(Subscription.contact_id == contact.id)
    )  # fmt: skip
    return {row.list_id: row for row in rows}


def _joined(keep: Contact, other: Contact) -> list[tuple[ContactList, str]]:
    """Each list that one of them is or was on, with the state for both."""
    mine, theirs = _places(keep), _places(other)
    ids = mine.keys() | theirs.keys()
    lists = db.session.scalars(sa.select(ContactList).where(ContactList.id.in_(ids)))
    found = []
    for list_ in sorted(lists, key=lambda one: one.name):
        states = {place.state for at in (mine, theirs) if (place := at.get(list_.id))}
        if consent.left_by_themselves(keep, list_) or consent.left_by_themselves(other, list_):
            found.append((list_, "ended"))
        else:
            best = next(one for one in ("active", "pending", "ended") if one in states)
            found.append((list_, best))
    return found


def _strictest(keep: Contact, other: Contact) -> Suppression | None:
    """What keeps the merged contact from being mailed: a person's own no before everything.

    That the other address bounced says nothing about the one that stays.
    """
    mine = suppressions.find(keep.account_id, keep.address)
    theirs = suppressions.find(other.account_id, other.address)
    if theirs is None or theirs.reason == "bounced":
        return mine
    return theirs if mine is None or (theirs.by_person and not mine.by_person) else mine


def join(keep: Contact, other: Contact, take: Mapping[str, str], *, by: Actor) -> None:
    """Give `keep` what `other` has; `take` names the values where the other's win.

    `other` is left for the caller to remove. Raises Invalid, NotFound.
    """
    found = preview(keep, other)
    said = {
        "email": other.email, "name": other.full_name, "company": other.company,
        "tags": sorted(tags.names_of(other)),
        "fields": dict(other.fields),
    }  # fmt: skip
    _join_values(keep, other, found, take, by)
    _join_places(keep, other)
    if found.suppression is not None:
        reason, detail = found.suppression.reason, found.suppression.detail
        suppressions.add(keep.account_id, keep.address, reason=reason, detail=detail)
    _join_channels(keep, other, by)
    pausing.join(keep, other)
    _move_history(keep, other)
    changes.note(keep, "merged", by=by, details=said)
    db.session.flush()


def _join_values(
    keep: Contact, other: Contact, found: Preview, take: Mapping[str, str], by: Actor
) -> None:
    theirs, mine = _values(other), _values(keep)
    names = [one.name for one in found.choices if take.get(one.name) == "other"]
    names += [name for name, value in theirs.items() if value and not mine.get(name)]
    given: dict[str, Any] = {name: theirs[name] for name in names if name in NAMES}
    own = {name[7:]: theirs[name] for name in names if name.startswith("fields.")}
    known = fields_of(keep.account_id)
    given["fields"] = {key: value for key, value in own.items() if key in known}
    if other.notes and other.notes != keep.notes:
        given["notes"] = f"{keep.notes}\n{other.notes}".strip()
    if other.tracking_off:
        given["tracking_off"] = True
    if other.kind_by in ("hand", "person") and not keep.kind_by:
        given["kind"] = other.kind
    given["tags"] = tags.names_of(keep) | tags.names_of(other)
    writing.update(keep, by=by, **given)


def _join_places(keep: Contact, other: Contact) -> None:
    mine, theirs = _places(keep), _places(other)
    states = {list_.id: state for list_, state in _joined(keep, other)}
    for list_id, state in states.items():
        place = mine.get(list_id)
        if place is None:
            place = theirs[list_id]
            db.session.execute(
                sa.update(Subscription)
                .where(Subscription.contact_id == other.id, Subscription.list_id == list_id)
                .values(contact_id=keep.id),
                execution_options={"synchronize_session": False},
            )
            db.session.expire_all()
            place = db.session.get_one(Subscription, (keep.id, list_id))
        elif list_id in theirs and place.state != state:
            place.since = theirs[list_id].since
            place.ended_at = theirs[list_id].ended_at
        before = place.state
        if before != state:
            place.state = state
            counting.on_list(
                list_id,
                active=(state == "active") - (before == "active"),
                pending=(state == "pending") - (before == "pending"),
            )
    db.session.flush()


def _join_channels(keep: Contact, other: Contact, by: Actor) -> None:
    """A no of either is a no."""
    mine = channels.of(keep)
    for channel, theirs in channels.of(other).items():
        if channel not in mine or (mine[channel].is_allowed and not theirs.is_allowed):
            answer = "yes" if theirs.is_allowed else "no"
            channels.say(keep, channel, answer, wording=theirs.wording, by=by)


def _move_history(keep: Contact, other: Contact) -> None:
    for model in (Consent, ContactChange, LeavingReason):
        db.session.execute(
            sa.update(model).where(model.contact_id == other.id).values(contact_id=keep.id),
            execution_options={"synchronize_session": False},
        )
    here = bulk_change.c
    twice = sa.select(here.action_id).where(here.contact_id == keep.id)
    connection().execute(
        sa.update(bulk_change)
        .where(here.contact_id == other.id, here.action_id.not_in(twice))
        .values(contact_id=keep.id)
    )
