"""Taking in what people are sorted by: lists, tags, segments, and the files they came by."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from app.contacts import domain_rules
from app.contacts import lists as making
from app.contacts import tags as tagging
from app.contacts.importing import MODES
from app.contacts.models import ContactList, Import, ImportProblem, Segment
from app.contacts.segments import BadRule, as_json, checked
from app.contacts.text import clean_line, clean_note
from app.core.db import db
from app.core.errors import Invalid
from app.moving.models import Moved
from app.moving.steps import ADDED, KNOWN, LEFT_OUT, Into, Row, is_yes, moment, whole, words

_COUNTS = ("size_bytes", "rows", "created", "updated", "unchanged", "suppressed", "rejected")


def tags(into: Into) -> None:
    """Also those that nobody has."""
    for row in into.package.document("tags.json"):
        try:
            tagging.named(into.account.id, words(row.get("name")))
            into.count("tags", ADDED)
        except Invalid as error:
            into.leave_out("tags", f"Tag {clean_line(words(row.get('name')), 60)}: {error}")


def domains(into: Into) -> None:
    """What is said of a domain here already stays."""
    known = {row.domain for row in domain_rules.all_rules(into.account.id)}
    for row in into.package.document("domains.json"):
        name = words(row.get("domain"))
        try:
            if domain_rules.read(name) in known:
                into.count("domains", KNOWN)
                continue
            made = domain_rules.add(into.account.id, name, lets_in=row.get("lets_in") is True)
            made.created_at = moment(row.get("created_at"), latest=into.at) or into.at
            into.count("domains", ADDED)
        except Invalid as error:
            into.leave_out("domains", f"Domain {clean_line(name, 60)}: {error}")


def lists(into: Into, rows: Sequence[Row]) -> None:
    """A list of the same name here is that list, and keeps its own rules."""
    query = sa.select(ContactList).where(ContactList.account_id == into.account.id)
    here = {row.name: row for row in db.session.scalars(query)}
    moved: dict[int, int | None] = {}
    for row in rows:
        name, old = clean_line(words(row.get("name"))), whole(row.get("id"))
        if name not in here:
            try:
                here[name] = _list(into, name, row)
                into.count("lists", ADDED)
            except Invalid as error:
                into.leave_out("lists", f"List {name}: {error}")
                continue
        else:
            into.count("lists", KNOWN)
        if old:
            moved[old] = here[name].id
    into.remember("list", moved)


def _list(into: Into, name: str, row: Row) -> ContactList:
    opt_in = "double" if row.get("opt_in") == "double" else "single"
    made = making.create(
        into.account, name, opt_in=opt_in, description=words(row.get("description"))
    )
    made.created_at = moment(row.get("created_at"), latest=into.at) or into.at
    made.archived_at = moment(row.get("archived_at"), latest=into.at)
    made.is_sample = is_yes(row.get("is_sample"))
    return made


def segments(into: Into, rows: Sequence[Row]) -> None:
    """Lists and campaigns in a rule are those that they have become here."""
    query = sa.select(Segment).where(Segment.account_id == into.account.id)
    here = {row.name: row for row in db.session.scalars(query)}
    numbers = {kind: _all(into, kind) for kind in ("list", "campaign", "segment", "import")}
    moved: dict[int, int | None] = {}
    for row in rows:
        name = clean_line(words(row.get("name"))) or "Segment"
        try:
            read = checked(into.account.id, translated(row.get("rule"), numbers))
        except BadRule as error:
            into.leave_out("segments", f"Segment {name}: {error}")
            continue
        rule = as_json(read)
        found = here.get(name)
        if found is not None and found.rule != rule:
            name, found = _free(name, here), None
        if found is None:
            found = here[name] = _segment(into, name, rule, row)
            into.count("segments", ADDED)
        else:
            into.count("segments", KNOWN)
        if old := whole(row.get("id")):
            moved[old] = found.id
    into.remember("segment", moved)


def _segment(into: Into, name: str, rule: dict[str, Any], row: Row) -> Segment:
    at = moment(row.get("created_at"), latest=into.at) or into.at
    made = Segment(account_id=into.account.id, name=name, rule=rule, created_at=at)
    db.session.add(made)
    db.session.flush()
    return made


def _free(name: str, taken: Mapping[str, Any]) -> str:
    """Another rule has the name here already."""
    numbered = (f"{name[:180]} (taken in {n})" for n in range(2, len(taken) + 3))
    return next(one for one in (f"{name[:180]} (taken in)", *numbered) if one not in taken)


def _all(into: Into, kind: str) -> dict[int, int]:
    """There are hundreds of these, not millions."""
    rows = db.session.execute(
        sa.select(Moved.old_id, Moved.new_id).where(
            Moved.takein_id == into.takein_id, Moved.kind == kind, Moved.new_id.is_not(None)
        )
    )
    return {row.old_id: row.new_id for row in rows}


def translated(rule: Any, numbers: Mapping[str, Mapping[int, int]]) -> Any:
    """A rule with the numbers of here: those of its lists, campaigns and segments.

    What has no number here becomes 0, which nothing has, so that nobody fits by mistake.
    """
    if isinstance(rule, list):
        return [translated(part, numbers) for part in rule]
    if not isinstance(rule, dict):
        return rule
    made = {}
    for name, value in rule.items():
        kind = str(rule.get("field")) if name == "value" else name
        is_about = kind in numbers
        made[name] = _number(value, numbers[kind]) if is_about else translated(value, numbers)
    return made


def _number(value: Any, known: Mapping[int, int]) -> Any:
    if isinstance(value, list):
        return [_number(one, known) for one in value]
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return known.get(value, 0) if is_number else value


def imports(into: Into, rows: Sequence[Row]) -> None:
    """So that people still say where they came from. Their files are not here any more."""
    query = sa.select(Import.id, Import.filename, Import.created_at).where(
        Import.account_id == into.account.id
    )
    here = {(row.filename, row.created_at): row.id for row in db.session.execute(query)}
    places = into.new_ids("list", (row.get("list_id") for row in rows))
    moved: dict[int, int | None] = {}
    fresh: dict[int, int | None] = {}
    for row in rows:
        name = clean_line(words(row.get("filename")), 255) or "contacts.csv"
        at = moment(row.get("created_at"), latest=into.at) or into.at
        if old := whole(row.get("id")):
            if (name, at) not in here:
                here[name, at] = _import(into, row, name, places.get(whole(row["list_id"]) or 0))
                fresh[old] = here[name, at]
            moved[old] = here[name, at]
    into.count("imports", ADDED, len(fresh))
    into.count("imports", KNOWN, len(moved) - len(fresh))
    into.remember("import", moved)
    into.remember("fresh_import", fresh)


def _import(into: Into, row: Row, name: str, list_id: int | None) -> int:
    made = Import(
        account_id=into.account.id, list_id=list_id, filename=name,
        stored_as=f"taken-in-{secrets.token_hex(8)}", state="finished",
        basis=clean_note(words(row.get("basis"))), mapping={}, dialect={},
        mode=row["mode"] if row.get("mode") in MODES else "update",
        created_at=moment(row.get("created_at"), latest=into.at) or into.at,
        finished_at=moment(row.get("finished_at"), latest=into.at),
        **{count: whole(row.get(count)) or 0 for count in _COUNTS},
    )  # fmt: skip
    db.session.add(made)
    db.session.flush()
    return made.id


def import_problems(into: Into, rows: Sequence[Row]) -> None:
    """Of imports that came with this file."""
    fresh = into.new_ids("fresh_import", (row.get("import_id") for row in rows))
    wanted = [
        {
            "import_id": fresh[number], "row_number": whole(row.get("row_number")) or 0,
            "row": words(row.get("row"))[:5_000], "reason": words(row.get("reason"))[:500],
        }
        for row in rows
        if (number := whole(row.get("import_id"))) in fresh
    ]  # fmt: skip
    if wanted:
        db.session.connection().execute(sa.insert(ImportProblem), wanted)
    into.count("import_problems", ADDED, len(wanted))
    into.count("import_problems", LEFT_OUT, len(rows) - len(wanted))
