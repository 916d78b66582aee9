"""The dry run of an import: the whole file is read as it would be, and no contact is touched.

As an import it is worked chunk by chunk, with the place to go on saved beside the counts. Which
addresses came before is kept in a file beside the upload, each with its row, so that a chunk that
is read once more counts the same.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult

from app.contacts import importing, lists, marks, uploads
from app.contacts.ahead import Chunk
from app.contacts.bulk import among
from app.contacts.models import Contact, Import
from app.contacts.reading import Rows
from app.contacts.rows import Person
from app.contacts.storing import barred
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid

COUNTS = ("created", "known", "suppressed", "rejected")


def begin(import_: Import) -> None:
    """Have the whole file looked at. Enqueue after it."""
    importing.demand_open(import_)
    forget(import_)
    import_.checked, import_.state, import_.lease_until = {}, "checking", None
    db.session.flush()


def stop(import_: Import) -> bool:
    """Leave a dry run; False when it is over."""
    left = db.session.execute(
        sa.update(Import)
        .where(Import.id == import_.id, Import.state == "checking")
        .values(state="draft", lease_until=None)
    )
    return isinstance(left, CursorResult) and left.rowcount == 1


def forget(import_: Import) -> None:
    """Forget what a dry run found."""
    importing.forget_problems(import_)
    _forget_seen(import_)


def _forget_seen(import_: Import) -> None:
    path = _seen_at(import_)
    for one in (path, path.with_name(f"{path.name}-journal")):
        one.unlink(missing_ok=True)


def _seen_at(import_: Import) -> Path:
    return uploads.path_of(import_.stored_as).with_suffix(".seen")


def run(import_id: int, *, budget_s: float = importing.BUDGET_S) -> bool:
    """Go on with a dry run for about so many seconds; True when there is more to do."""
    with transaction():
        if not importing.take(import_id, "checking"):
            return False
    try:
        return _work(import_id, time.monotonic() + budget_s)
    except importing.Overtaken:
        return False
    except Invalid as error:
        db.session.rollback()
        with transaction():
            import_ = db.session.get_one(Import, import_id, populate_existing=True)
            import_.state, import_.lease_until = "draft", None
            import_.checked = {"error": str(error)}
        return False


def _work(import_id: int, until: float) -> bool:
    import_ = db.session.get_one(Import, import_id, populate_existing=True)
    account_id, at = import_.account_id, dict(import_.checked)
    reader, path = importing.reader_of(import_), importing.file_of(import_)
    there = lists.names_of(account_id) if reader.names_lists else set()
    reader.limit_lists(there.union(at.get("lists", ())), lists.MOST_BY_FILE)
    place = {"offset": at.get("offset"), "number": at.get("number", 0)}
    with Rows(path, import_.dialect, **place) as found, Seen(_seen_at(import_)) as seen:
        records = importing.after_header(import_, found)
        db.session.rollback()
        while True:
            chunk = importing.read_chunk(records, reader)
            counts, named = _count(account_id, chunk.people, seen)
            counts["rejected"] = len(chunk.problems)
            seen.keep()
            is_done = chunk.rows < importing.CHUNK
            ends = is_done or time.monotonic() >= until
            before, at = at, _added(at, counts, chunk, found)
            if fresh := named - there:
                at["lists"] = sorted(fresh.union(at.get("lists", ())))
            with transaction(bulk=not is_done):
                _hold(import_, before)
                importing.note_problems(import_, chunk.problems)
                _set_state(import_, at, is_done=is_done, ends=ends)
            if is_done:
                _end(import_)
            if ends:
                return not is_done


def _hold(import_: Import, before: dict[str, Any]) -> None:
    db.session.refresh(import_, with_for_update=True)
    if import_.state != "checking" or import_.checked != before:
        raise importing.Overtaken("Another worker went on with this dry run.")


def _end(import_: Import) -> None:
    """Nobody goes on with it any more, unless somebody has begun anew meanwhile."""
    with transaction():
        db.session.refresh(import_, with_for_update=True)
        if import_.state == "checked":
            _forget_seen(import_)


def _set_state(import_: Import, at: dict[str, Any], *, is_done: bool, ends: bool) -> None:
    import_.checked = at
    import_.lease_until = None if ends else now() + importing.LEASE
    if is_done:
        import_.checked = {**at, "at": now().isoformat()}
        import_.state = "checked"


def _added(at: dict[str, Any], counts: Counter[str], chunk: Chunk, found: Rows) -> dict[str, Any]:
    total = {name: at.get(name, 0) + counts[name] for name in COUNTS}
    return {
        **total,
        **({"lists": at["lists"]} if "lists" in at else {}),
        "rows": at.get("rows", 0) + chunk.rows,
        "marks": marks.together(at.get("marks", {}), chunk.marks),
        "offset": found.offset,
        "number": found.number,
    }


def _count(account_id: int, people: Sequence[Person], seen: Seen) -> tuple[Counter[str], set[str]]:
    """What would become of these rows, and which lists those who are taken in are put on."""
    addresses = list({person.address for person in people})
    out = barred(account_id, addresses)
    here = set(
        db.session.scalars(
            sa.select(Contact.address).where(
                Contact.account_id == account_id, among(Contact.address, addresses)
            )
        )
    )
    db.session.rollback()
    counts: Counter[str] = Counter()
    named: set[str] = set()
    for person in people:
        fate = _fate(person, out, here, seen)
        counts[fate] += 1
        if person.lists and fate != "suppressed":
            named.update(person.lists)
    return counts, named


def _fate(person: Person, out: set[str], here: set[str], seen: Seen) -> str:
    if person.blocked:
        seen.told(person)
        return "suppressed"
    if person.address in out or seen.was_told(person):
        return "suppressed"
    is_first = seen.is_first(person)
    return "created" if is_first and person.address not in here else "known"


class Seen:
    """Addresses of the rows before, as numbers, in a file."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path)
        path.chmod(0o600)
        self._db.executescript(
            "PRAGMA synchronous=OFF;"
            "CREATE TABLE IF NOT EXISTS seen (address INTEGER PRIMARY KEY, row INTEGER);"
            "CREATE TABLE IF NOT EXISTS told (address INTEGER PRIMARY KEY, row INTEGER);"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()

    def keep(self) -> None:
        """Make sure that what was noted is there the next time."""
        self._db.commit()

    def is_first(self, person: Person) -> bool:
        """Whether no row before had this address."""
        return self._note("seen", person) == person.number

    def told(self, person: Person) -> None:
        """The file says not to mail them."""
        self._note("told", person)

    def was_told(self, person: Person) -> bool:
        """Whether a row before said so."""
        with closing(self._db.execute(_ASK["told"], (_number(person),))) as found:
            row = found.fetchone()
        return row is not None and row[0] < person.number

    def _note(self, table: str, person: Person) -> int:
        """The first row that was noted for this address."""
        number = _number(person)
        with closing(self._db.execute(_PUT[table], (number, person.number))) as put:
            if put.rowcount == 1:
                return person.number
        with closing(self._db.execute(_ASK[table], (number,))) as found:
            return int(found.fetchone()[0])


_PUT = {name: f"INSERT OR IGNORE INTO {name} VALUES (?, ?)" for name in ("seen", "told")}  # noqa: S608
_ASK = {name: f"SELECT row FROM {name} WHERE address = ?" for name in ("seen", "told")}  # noqa: S608


def _number(person: Person) -> int:
    digest = hashlib.blake2b(person.address.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def waiting(limit: int = 100) -> list[tuple[int, int]]:
    """Dry runs that a worker should go on with: their ids, and how far they are."""
    is_free = sa.or_(Import.lease_until.is_(None), Import.lease_until < now())
    found = (
        sa.select(Import.id, Import.checked)
        .where(Import.state == "checking", is_free)
        .order_by(Import.id)
        .limit(limit)
    )
    return [(row.id, int((row.checked or {}).get("rows", 0))) for row in db.session.execute(found)]


def glance(import_: Import, columns: Any, *, repairs: bool, rows: int = 5_000) -> dict[str, Any]:
    """What the first rows of a file are like: {rows, rejected, marks, all: bool}."""
    reader = importing.reader_of(import_, columns, repairs=repairs)
    chunk = importing.read_chunk(importing.records(import_), reader, rows)
    return {
        "rows": chunk.rows,
        "rejected": len(chunk.problems),
        "marks": chunk.marks,
        "all": chunk.rows < rows,
    }
