"""Taking in what people chose for themselves, and what they may choose. No wish gets weaker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from app.contacts import fields, resting
from app.contacts.bulk import among, insert_missing
from app.contacts.models import (
    Consent,
    Frequency,
    OpenField,
    Pause,
    PreferenceCentre,
    PublicList,
)
from app.contacts.models.preferences import FREQUENCIES
from app.contacts.text import clean_line, clean_note
from app.core.db import Base, db, insert
from app.moving.steps import ADDED, KNOWN, LEFT_OUT, Into, Row, moment, whole, words
from app.preferences.centre import PASSAGES_LENGTH, SWITCHES, WORDS_LENGTH


def wishes(into: Into, rows: Sequence[Row]) -> None:
    """A chunk of wishes.csv: of two pauses the longer holds, of two frequencies the lower."""
    people = into.new_ids("contact", (row.get("contact_id") for row in rows))
    wanted = {
        people[old]: row for row in rows if (old := whole(row.get("contact_id")) or 0) in people
    }
    later = _said_here_since(into, wanted)
    for contact_id, row in sorted(wanted.items()):
        is_taken = [
            "resumed" not in later.get(contact_id, ()) and _pause(into, contact_id, row),
            "frequency" not in later.get(contact_id, ()) and _frequency(into, contact_id, row),
        ]
        into.count("wishes", ADDED if any(is_taken) else KNOWN)
    into.count("wishes", LEFT_OUT, len(rows) - len(wanted))


def _said_here_since(into: Into, ids: Iterable[int]) -> Mapping[int, set[str]]:
    """What people have chosen here after the file was made, which is their last word."""
    made = moment(into.package.manifest.get("made_at"), latest=into.at) or into.at
    rows = db.session.execute(
        sa.select(Consent.contact_id, Consent.kind).where(
            among(Consent.contact_id, sorted(ids)),
            Consent.kind.in_(("resumed", "frequency")), Consent.at > made,
        )
    )  # fmt: skip
    found: dict[int, set[str]] = {}
    for contact_id, kind in rows:
        found.setdefault(contact_id or 0, set()).add(kind)
    return found


def _pause(into: Into, contact_id: int, row: Row) -> bool:
    """Whether it is longer than what is here; none is longer than the longest on offer."""
    longest = into.at + timedelta(days=max(resting.PAUSES))
    until = moment(row.get("paused_until"), latest=longest)
    if until is None or until <= into.at:
        return False
    given = insert(Pause).values(
        contact_id=contact_id, account_id=into.account.id, since=into.at, until=until
    )
    return _was_put(given, Pause.contact_id, {"until": until}, Pause.until < until)


def _frequency(into: Into, contact_id: int, row: Row) -> bool:
    per = words(row.get("frequency"))
    if per not in FREQUENCIES:
        return False
    oftener = [one for one, days in FREQUENCIES.items() if days < FREQUENCIES[per]]
    given = insert(Frequency).values(
        contact_id=contact_id, account_id=into.account.id, per=per, since=into.at
    )
    return _was_put(given, Frequency.contact_id, {"per": per}, Frequency.per.in_(oftener))


def _was_put(given: Any, returned: Any, change: dict[str, Any], where: Any) -> bool:
    statement = given.on_conflict_do_update(
        index_elements=["contact_id"], set_=change, where=where
    ).returning(returned)
    return db.session.execute(statement).scalar() is not None


def preferences(into: Into) -> None:
    """All or nothing: who has chosen here already what people may choose keeps that."""
    found = into.package.document("preferences.json")
    if not isinstance(found, dict):
        return
    if _has_chosen(into):
        into.count("preferences", KNOWN)
        return
    centre = found.get("centre")
    if isinstance(centre, dict):
        db.session.add(_centre(into, centre))
    _public(into, rows_of(found.get("lists")))
    _open(into, rows_of(found.get("fields")))
    if any(found.get(name) for name in ("centre", "lists", "fields")):
        into.count("preferences", ADDED)


def _has_chosen(into: Into) -> bool:
    return any(
        db.session.scalar(sa.select(sa.literal(1)).where(model.account_id == into.account.id))
        for model in (PreferenceCentre, PublicList, OpenField)
    )


def _centre(into: Into, given: Row) -> PreferenceCentre:
    pauses = given.get("pauses")
    return PreferenceCentre(
        account_id=into.account.id, words=clean_note(words(given.get("words")))[:WORDS_LENGTH],
        pauses=[days for days in resting.PAUSES if isinstance(pauses, list) and days in pauses],
        goodbye=clean_note(words(given.get("goodbye")))[:WORDS_LENGTH],
        privacy_contact=clean_note(words(given.get("privacy_contact")))[:WORDS_LENGTH],
        privacy_words=clean_note(words(given.get("privacy_words")))[:PASSAGES_LENGTH],
        **{name: given.get(name) is not False for name in SWITCHES},
    )  # fmt: skip


def _public(into: Into, rows: Sequence[Row]) -> None:
    """Lists as they are called here."""
    here = into.new_ids("list", (row.get("list_id") for row in rows))
    shown = {
        here[old]: {
            "list_id": here[old], "account_id": into.account.id,
            "name": clean_line(words(row.get("name"))),
            "description": clean_note(words(row.get("description")))[:WORDS_LENGTH],
        }
        for row in rows
        if (old := whole(row.get("list_id")) or 0) in here
    }  # fmt: skip
    insert_missing(Base.metadata.tables[PublicList.__tablename__], list(shown.values()))


def _open(into: Into, rows: Sequence[Row]) -> None:
    known = fields.of(into.account.id)
    keys = {words(row.get("key")) for row in rows} & known.keys()
    db.session.add_all(
        OpenField(field_id=known[key].id, account_id=into.account.id) for key in sorted(keys)
    )


def rows_of(given: Any) -> list[Row]:
    """What should be a list of objects."""
    return [row for row in given if isinstance(row, dict)] if isinstance(given, list) else []
