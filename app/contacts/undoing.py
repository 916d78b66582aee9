"""Undoing an import: counted first, then done, in the background, some people at a time.

Each step is one transaction that also saves where to go on; a crash repeats what was never
stored, and an undo that is over does nothing more. Nobody's own word is lost: who left, was
mailed or was changed since stays, and so does what another file says as well.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult

from app.contacts import fields, restoring, unmaking
from app.contacts.models import (
    Contact,
    ContactField,
    ContactList,
    Import,
    ImportJournal,
    Segment,
    Suppression,
    Tag,
)
from app.contacts.unmaking import Found
from app.core.clock import now
from app.core.db import Base, db, transaction
from app.core.errors import WrongState

AT_ONCE = 1_000
BUDGET_S = 20.0
LEASE = timedelta(seconds=30)
#: What is counted: people who go; who get back what was changed, some of them only in part; who
#: keep all because it was changed later; suppressions that are lifted; and who was made by the
#: import and stays, by the reason.
NUMBERS = (
    "removed", "restored", "partly", "left", "lifted",
    "stay_mailed", "stay_acted", "stay_changed", "stay_imported",
)  # fmt: skip
WORKING = ("counting", "undoing")


class Overtaken(WrongState):
    """Another worker went on with this undo."""


def journal_of(import_: Import) -> ImportJournal | None:
    """The journal; None where the import began before there were any, or its time is over."""
    return db.session.get(ImportJournal, import_.id)


def can_begin(import_: Import, journal: ImportJournal | None) -> bool:
    """Whether the undo can be counted or begun now."""
    return (
        import_.state in ("finished", "failed")
        and journal is not None
        and journal.state in ("kept", "counted")
        and journal.kept_until > now()
    )


def undone(imports: Sequence[Import]) -> set[int]:
    """Which of these are undone."""
    ids = [import_.id for import_ in imports]
    found = sa.select(ImportJournal.import_id).where(
        ImportJournal.import_id.in_(ids), ImportJournal.state == "undone"
    )
    return set(db.session.scalars(found))


def count(import_: Import, *, member_id: int | None = None) -> ImportJournal:
    """Begin to find out what an undo would do. Raises WrongState. Enqueue after it."""
    return _begin(import_, "counting", member_id)


def start(import_: Import, *, member_id: int | None = None) -> ImportJournal:
    """Begin the undo. Raises WrongState. Enqueue after it."""
    db.session.execute(
        sa.select(ImportJournal.import_id)
        .where(ImportJournal.account_id == import_.account_id)
        .with_for_update()
    )
    others = sa.select(ImportJournal.import_id).where(
        ImportJournal.account_id == import_.account_id, ImportJournal.state == "undoing"
    )
    running = db.session.scalars(others).all()
    if running and import_.id not in running:
        raise WrongState("Another import is being undone. Wait until that is over, then try again.")
    return _begin(import_, "undoing", member_id)


def _begin(import_: Import, state: str, member_id: int | None) -> ImportJournal:
    journal = db.session.get(ImportJournal, import_.id, with_for_update=True)
    if journal is not None and journal.state == state:
        return journal  # the button was pressed twice
    if journal is None or not can_begin(import_, journal):
        raise WrongState(_why_not(import_, journal))
    journal.state, journal.member_id, journal.asked_at = state, member_id, now()
    journal.cursor, journal.numbers, journal.lease_until = {}, {}, None
    journal.finished_at = None
    db.session.flush()
    return journal


def _why_not(import_: Import, journal: ImportJournal | None) -> str:
    if import_.state not in ("finished", "failed"):
        return "This import has not ended yet. Undo it when it has."
    if journal is None or journal.kept_until <= now():
        return "This import is older than 30 days, so it can no longer be undone."
    if journal.state == "undone":
        return "This import has been undone already."
    return "This import is being undone or counted right now. Wait a moment."


def run(import_id: int, *, budget_s: float = BUDGET_S) -> bool:
    """Go on for about so many seconds; True when there is more to do. Harmless when another
    worker has it."""
    until = time.monotonic() + budget_s
    with transaction():
        cursor = _claim(import_id)
    try:
        while cursor is not None:
            with transaction(bulk=True):
                journal = _hold(import_id, cursor)
                over = _step(journal)
                more = time.monotonic() < until
                journal.lease_until = now() + LEASE if more and not over else None
            if over or not more:
                return not over
            cursor = journal.cursor
    except Overtaken:
        db.session.rollback()
    return False


def _claim(import_id: int) -> dict[str, object] | None:
    """Take a waiting undo, or one whose worker is gone; None when another worker has it."""
    taken = db.session.execute(
        sa.update(ImportJournal)
        .where(ImportJournal.import_id == import_id, _is_waiting())
        .values(lease_until=now() + LEASE),
        execution_options={"synchronize_session": False},
    )
    if not (isinstance(taken, CursorResult) and taken.rowcount == 1):
        return None
    journal = db.session.get_one(ImportJournal, import_id, populate_existing=True)
    return journal.cursor


def _is_waiting() -> sa.ColumnElement[bool]:
    free = sa.or_(ImportJournal.lease_until.is_(None), ImportJournal.lease_until < now())
    return sa.and_(ImportJournal.state.in_(WORKING), free)


def _hold(import_id: int, cursor: dict[str, object]) -> ImportJournal:
    journal = db.session.get(ImportJournal, import_id, populate_existing=True, with_for_update=True)
    if journal is None or journal.state not in WORKING or journal.cursor != cursor:
        raise Overtaken("Another worker went on with this undo.")
    return journal


def _step(journal: ImportJournal) -> bool:
    """Look at the next people; whether it is over."""
    import_ = db.session.get_one(Import, journal.import_id)
    name = journal.cursor.get("step", STEPS[0][0])
    place = next(place for place, step in enumerate(STEPS) if step[0] == name)
    found = STEPS[place][1](import_, journal, journal.cursor.get("after", 0))
    numbers = Counter(journal.numbers)
    numbers.update(found.numbers)
    journal.numbers = {name: number for name, number in numbers.items() if number}
    if found.after is not None:
        journal.cursor = {"step": name, "after": found.after}
        return False
    if place + 1 < len(STEPS):
        journal.cursor = {"step": STEPS[place + 1][0], "after": 0}
        return False
    journal.state = "counted" if journal.state == "counting" else "undone"
    journal.cursor, journal.finished_at = {}, now()
    return True


def _remove(import_: Import, journal: ImportJournal, after: int) -> Found:
    really = journal.state == "undoing"
    return unmaking.remove_people(import_, journal, after, AT_ONCE, really=really)


def _restore(import_: Import, journal: ImportJournal, after: int) -> Found:
    really = journal.state == "undoing"
    return restoring.restore_people(import_, after, AT_ONCE, really=really)


def _lift(import_: Import, journal: ImportJournal, after: int) -> Found:
    """Suppressions that nobody but the file asked for."""
    rows = db.session.execute(
        sa.select(Suppression.id, Suppression.address)
        .where(
            Suppression.account_id == import_.account_id,
            Suppression.import_id == import_.id,
            Suppression.id > after,
        )
        .order_by(Suppression.id)
        .limit(AT_ONCE)
    ).all()
    if not rows:
        return Found()
    if journal.state == "undoing":
        db.session.execute(
            sa.delete(Suppression).where(Suppression.id.in_([row.id for row in rows])),
            execution_options={"synchronize_session": False},
        )
        known = db.session.scalars(
            sa.select(Contact.id).where(
                Contact.account_id == import_.account_id,
                Contact.address.in_([row.address for row in rows]),
            )
        ).all()
        restoring.note(import_, known, kind="restored", list_id=None)
    return Found(Counter(lifted=len(rows)), rows[-1].id)


def _unname(import_: Import, journal: ImportJournal, _after: int) -> Found:
    """Tags, lists and fields that the import made and that nobody has any more."""
    if journal.state == "undoing":
        made = [journal.made, *_made_by_undone(import_.account_id)]
        _remove_tags(import_.account_id, [tag for one in made for tag in one.get("tags", [])])
        _remove_lists(import_, {id_ for one in made for id_ in one.get("lists", [])})
        for key in sorted({key for one in made for key in one.get("fields", [])}):
            _remove_field(import_.account_id, key)
    return Found()


def _made_by_undone(account_id: int) -> Sequence[dict[str, list[int]]]:
    """What undone imports left because somebody from another import had it."""
    return db.session.scalars(
        sa.select(ImportJournal.made).where(
            ImportJournal.account_id == account_id, ImportJournal.state == "undone"
        )
    ).all()


def _remove_tags(account_id: int, tag_ids: Sequence[int]) -> None:
    db.session.execute(
        sa.delete(Tag).where(
            Tag.account_id == account_id, Tag.people == 0, Tag.id.in_(sorted(set(tag_ids)))
        ),
        execution_options={"synchronize_session": False},
    )


def _remove_lists(import_: Import, list_ids: set[int]) -> None:
    """Those that nobody is or was on and that nothing else asks for. Evidence keeps their names."""
    rules = sa.select(Segment.rule).where(Segment.account_id == import_.account_id)
    asked = {
        one.get("value")
        for rule in db.session.scalars(rules)
        for one in _conditions(rule)
        if one.get("field") == "list"
    }
    unused = sa.delete(ContactList).where(
        ContactList.account_id == import_.account_id,
        ContactList.id.in_(sorted(list_ids - asked)),
        *(~sa.exists().where(column == ContactList.id) for column in _lists_of()),
        ~sa.exists().where(Import.list_id == ContactList.id, Import.id != import_.id),
    )
    db.session.execute(unused, execution_options={"synchronize_session": False})


def _conditions(rule: Any) -> Iterator[dict[str, Any]]:
    """All of a stored rule, whatever shape it has."""
    if isinstance(rule, dict):
        yield rule
        for parts in rule.values():
            yield from _conditions(parts)
    elif isinstance(rule, list):
        for part in rule:
            yield from _conditions(part)


def _lists_of() -> Iterator[sa.Column[Any]]:
    """Columns that say that somebody or something uses a list; those of campaigns and forms lie
    above contacts and are known here by their keys."""
    lists = Base.metadata.tables["list"]
    for table in Base.metadata.tables.values():
        for column in table.c:
            if table.name not in ("import", "list_day") and column.references(lists.c.id):
                yield column


def _remove_field(account_id: int, key: str) -> None:
    field = fields.of(account_id).get(key)
    if field is None or _is_used(account_id, field):
        return
    fields.delete(field)
    db.session.flush()


def _is_used(account_id: int, field: ContactField) -> bool:
    """Whether somebody has a value, or a segment asks for it."""
    has_value = sa.select(Contact.id).where(
        Contact.account_id == account_id, Contact.fields[field.key].as_string().is_not(None)
    )
    if db.session.scalar(has_value.limit(1)) is not None:
        return True
    rules = db.session.scalars(sa.select(Segment.rule).where(Segment.account_id == account_id))
    return any(field.key in str(rule) for rule in rules)


Step = Callable[[Import, ImportJournal, int], Found]
STEPS: tuple[tuple[str, Step], ...] = (
    ("people", _remove),
    ("values", _restore),
    ("never_mailed", _lift),
    ("names", _unname),
)


def waiting(limit: int = 100) -> Sequence[tuple[int, int]]:
    """Undos that a worker should go on with: the imports' ids, and how far they are."""
    rows = db.session.execute(
        sa.select(ImportJournal.import_id, ImportJournal.cursor, ImportJournal.state)
        .where(_is_waiting())
        .order_by(ImportJournal.import_id)
        .limit(limit)
    )
    return [(row.import_id, int(row.cursor.get("after", 0))) for row in rows]
