"""Bringing sealed values over to the newest key, in slices, while everything runs.

Every column that holds something sealed is named `sealed_…`, so that none is forgotten. Each
value is replaced only while it is the one that was read; killed in the middle, both kinds are
there and both can be read, and the next run goes on.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.core import sealing, settings
from app.core.clock import now
from app.core.db import Base, db, transaction

AT_ONCE = 100
#: Older keys stay so long after a rotation, for what was read or backed up meanwhile.
KEPT = timedelta(days=1)


@dataclass(frozen=True)
class Progress:
    """How far the values of one column are."""

    column: str
    """As in relay.sealed_password."""
    current: int
    older: int

    def to_json(self) -> dict[str, Any]:
        """As the command prints it."""
        return asdict(self)


def columns() -> list[sa.Column[Any]]:
    """Every column that holds something sealed."""
    return [
        column
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if column.name.startswith("sealed_")
    ]


def progress() -> list[Progress]:
    """Counted anew, column by column."""
    found = []
    for column in columns():
        counts = sa.select(
            sa.func.count(column),
            sa.func.coalesce(sa.func.sum(sa.case((_is_older(column), 1), else_=0)), 0),
        )
        every, older = db.session.execute(counts).one()
        found.append(Progress(f"{column.table.name}.{column.name}", every - older, int(older)))
    older_files = sum(1 for _ in _older_files())
    found.append(Progress("files", sum(1 for _ in _files()) - older_files, older_files))
    return found


def unreadable(*, limit: int = 20) -> list[str]:
    """Where something is that no key opens, as in relay 7, sealed_password."""
    found: list[str] = []
    for column in columns():
        (key,) = column.table.primary_key.columns
        rows = db.session.execute(sa.select(key, column).where(column.is_not(None)))
        for row_id, value in rows.yield_per(AT_ONCE):
            try:
                sealing.unseal(value)
            except sealing.Unreadable:
                found.append(f"{column.table.name} {row_id}, {column.name}")
            if len(found) >= limit:
                return found
    return found


def run(*, limit: int | None = None) -> int:
    """Bring over up to `limit` values (None: all), in transactions of its own; returns how many."""
    done = 0
    for column in columns():
        for rows in _older(column):
            if limit is not None and done >= limit:
                return done
            with transaction():
                done += sum(_bring_over(column, row) for row in rows)
    return done


def run_files() -> int:
    """Bring sealed files over; returns how many."""
    return sum(_bring_file_over(path) for path in list(_older_files()))


def tend() -> int:
    """What the tick does: some values, and forgetting older keys that nothing needs any more."""
    keys = sealing.ring()
    if not keys.since:
        return 0
    done = run(limit=10 * AT_ONCE) + run_files()
    is_over = not done and not any(one.older for one in progress())
    db.session.rollback()
    if is_over and now() - keys.since > KEPT:
        done += sealing.drop_older(keys)
    return done


def _older(column: sa.Column[Any]) -> Iterator[list[Any]]:
    """Rows with a value of an older key, each once: (id, value)."""
    (key,) = column.table.primary_key.columns
    after = 0
    while True:
        query = (
            sa.select(key.label("row_id"), column.label("value"))
            .where(_is_older(column), key > after)
            .order_by(key)
            .limit(AT_ONCE)
        )
        rows = list(db.session.execute(query))
        db.session.rollback()
        if not rows:
            return
        yield rows
        after = rows[-1].row_id


def _bring_over(column: sa.Column[Any], row: sa.Row[Any]) -> bool:
    """False where somebody changed it meanwhile, or nobody can read it any more."""
    try:
        value = sealing.unseal(row.value)
    except sealing.Unreadable:
        return False
    (key,) = column.table.primary_key.columns
    moved = db.session.connection().execute(
        sa.update(column.table)
        .where(key == row.row_id, column == row.value)
        .values({column.name: sealing.seal(value)})
    )
    return bool(moved.rowcount)


def _files() -> Iterator[Path]:
    """Files of the data folder that are sealed are named so."""
    yield from sorted(settings.get().LEADERSEND_HOME.glob("*/*.sealed"))


def _older_files() -> Iterator[Path]:
    current = sealing.ring().current
    for path in _files():
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            if sealing.number_of(file.read(12))[0] != current:
                yield path


def _bring_file_over(path: Path) -> bool:
    """Whole or not at all; False where nobody can read it, or it is gone."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        content = sealing.unseal_bytes(path.read_bytes())
        with partial.open("wb") as file:
            partial.chmod(0o600)
            file.write(sealing.seal_bytes(content))
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    except (FileNotFoundError, sealing.Unreadable):
        return False
    finally:
        partial.unlink(missing_ok=True)
    return True


def _is_older(column: sa.Column[Any]) -> sa.ColumnElement[bool]:
    number = sealing.ring().current
    if not number:
        return sa.and_(column.is_not(None), column.like("v%:%"))
    return sa.and_(column.is_not(None), column.not_like(f"{sealing.prefix(number)}%"))
