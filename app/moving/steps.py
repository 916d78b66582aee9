"""What a take-in consists of, in its order, and what all of its steps share.

A feature that has a part in take-outs adds a step here with one function: `takes` for a table,
whose rows come in chunks, each in one transaction with the place to go on from. A step may be
begun again at that place, never in the middle of a chunk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from app.accounts.models import Account
from app.contacts.bulk import among
from app.core.clock import now
from app.core.db import db, insert
from app.moving.models import Moved
from app.moving.package import Package

Row = dict[str, Any]
#: Larger ones are no quicker, and a chunk takes room three times: as read, as rows, as parameters.
CHUNK = 1_000
MOST_PROBLEMS = 100
ADDED, KNOWN, LEFT_OUT = "added", "known", "left_out"
LARGEST = 1 << 62


@dataclass
class Into:
    """Where everything goes, what ids have become, and what is counted."""

    takein_id: int
    account: Account
    package: Package
    by_id: int | None = None
    """The member who takes it in: nobody else answers for what is in it."""
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    at: datetime = field(default_factory=now)

    def count(self, kind: str, outcome: str, n: int = 1) -> None:
        """`kind` as in counts: contacts, lists, …; outcome is ADDED, KNOWN or LEFT_OUT."""
        if n:
            self.counts.setdefault(kind, Counter())[outcome] += n

    def leave_out(self, kind: str, why: str) -> None:
        """Count a row that is not taken, and remember the first ones' reasons."""
        self.count(kind, LEFT_OUT)
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(why[:300])

    def remember(self, kind: str, pairs: Mapping[int, int | None]) -> None:
        """What numbers of the file have become here."""
        rows = [
            {"takein_id": self.takein_id, "kind": kind, "old_id": old, "new_id": new}
            for old, new in pairs.items()
        ]
        if rows:
            db.session.connection().execute(insert(Moved).on_conflict_do_nothing(), rows)

    def new_ids(self, kind: str, olds: Iterable[Any]) -> dict[int, int]:
        """Of those that came in: their number here."""
        wanted = sorted({number for old in olds if (number := whole(old))})
        if not wanted:
            return {}
        rows = db.session.execute(
            sa.select(Moved.old_id, Moved.new_id).where(
                Moved.takein_id == self.takein_id, Moved.kind == kind,
                among(Moved.old_id, wanted), Moved.new_id.is_not(None),
            )
        )  # fmt: skip
        return {row.old_id: row.new_id for row in rows}

    def forget(self, *kinds: str) -> None:
        """Numbers that nothing will refer to any more; all where none is named."""
        gone = sa.delete(Moved).where(Moved.takein_id == self.takein_id)
        db.session.execute(gone.where(Moved.kind.in_(kinds)) if kinds else gone)


Take = Callable[[Into, Sequence[Row]], None]
Run = Callable[[Into], None]
Find = Callable[[Into], Iterable[Row]]


@dataclass(frozen=True)
class Step:
    """A piece of the work: a table chunk by chunk, or something that is done at once."""

    name: str
    """Stays the same while a take-in is under way: it is where the next run goes on."""
    file: str = ""
    take: Take | None = None
    run: Run | None = None
    find: Find | None = None
    """Of what is looked for in the database: outside of the transaction that `take` works in."""

    def chunks(self, into: Into, offset: int) -> Iterator[tuple[list[Row], int]]:
        """Of the file from a place on, each with the place behind it; one empty chunk for what
        is done at once."""
        if self.take is None or self.find is not None:
            if not offset:
                yield list(self.find(into)) if self.find else [], 1
            return
        some: list[Row] = []
        for row, at in into.package.rows_from(self.file, offset):
            some.append(row)
            if len(some) == CHUNK:
                yield some, at
                some = []
        if some:
            yield some, at

    def do(self, into: Into, rows: Sequence[Row]) -> int:
        """Work a chunk, inside a transaction; returns how many rows it had."""
        if self.take is not None:
            self.take(into, rows)
        if self.run is not None:
            self.run(into)
        return len(rows)


def whole(value: Any) -> int | None:
    """A number of a row; None where there is none, or none that a row can have."""
    try:
        number = int(value)
    except (TypeError, ValueError):
        return None
    return number if 0 <= number < LARGEST else None


def moment(value: Any, *, latest: datetime) -> datetime | None:
    """A time as files have it; what lies in the future is cut to `latest`."""
    if not value or not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return min(found, latest)


def is_yes(value: Any) -> bool:
    """Of a CSV file or of JSON."""
    return value is True or value == "yes"


def words(value: Any) -> str:
    """A text, whatever stands there."""
    return value if isinstance(value, str) else ""
