"""Many rows in one statement, the same way on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from app.contacts.models import Import
from app.contacts.rows import PREPARED, Person
from app.core.db import db, dialect_name, insert
from app.core.errors import DomainError

_VARYING = ("id", *PREPARED)
_SAME = ("account_id", "tracking_off", "import_id", "is_sample", "created_at", "updated_at")


class Collision(DomainError):
    """Somebody else added one of these contacts meanwhile; the chunk is done again."""

    status = 409


def among(column: Any, values: Sequence[Any]) -> sa.ColumnElement[bool]:
    """`column IN (thousands of values)` with one parameter, answered from the column's index."""
    if dialect_name() == "postgresql":
        array = sa.literal(list(values), postgresql.ARRAY(column.type))
        return column == sa.any_(array)  # type: ignore[no-any-return]
    table = sa.func.json_each(json.dumps(values)).table_valued("value")
    return column.in_(sa.select(table.c.value))  # type: ignore[no-any-return]


def insert_missing(table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Add the rows that are not there yet; returns the first column of those that were added."""
    if not rows:
        return []
    statement = insert(table).on_conflict_do_nothing().returning(next(iter(table.primary_key)))
    return list(db.session.connection().scalars(statement, list(rows)))


def insert_contacts(import_: Import, people: Sequence[Person], at: datetime) -> None:
    """New contacts; gives each its id, rising in their order. Raises Collision."""
    connection = db.session.connection()
    for person, number in zip(people, _numbers(connection, len(people)), strict=True):
        person.id = number
    driver: Any = connection.connection.driver_connection
    clash = connection.dialect.loaded_dbapi.IntegrityError
    try:
        if dialect_name() == "postgresql":
            _copy(driver, import_, people, at)
        else:
            driver.executemany(_insert_statement(import_, at), _values(people))
    except clash as error:
        raise Collision("The same people are being added elsewhere right now.") from error


def _insert_statement(import_: Import, at: datetime) -> str:
    """What is the same for all stands in the statement: fewer values to bind, a tenth faster."""
    stamp = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    same = f"{import_.account_id:d}, 0, {import_.id:d}, 0, '{stamp}', '{stamp}'"
    marks = ",".join("?" * len(_VARYING))
    return f"INSERT INTO contact ({', '.join(_VARYING + _SAME)}) VALUES ({marks}, {same})"  # noqa: S608


def _values(people: Sequence[Person]) -> Iterator[tuple[Any, ...]]:
    for person in people:
        yield person.id, *(person.ready or person.prepared())


def _numbers(connection: sa.Connection, count: int) -> Iterable[int]:
    """Ids for `count` new contacts."""
    if connection.dialect.name == "postgresql":
        query = sa.text(
            "SELECT nextval(pg_get_serial_sequence('contact', 'id')) FROM generate_series(1, :n)"
        )
        return sorted(connection.scalars(query, {"n": count}))
    last = connection.scalar(sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'contact'")) or 0
    return range(last + 1, last + 1 + count)


def _copy(driver: Any, import_: Import, people: Sequence[Person], at: datetime) -> None:
    same = (import_.account_id, False, import_.id, False, at, at)
    into = f"COPY contact ({', '.join(_VARYING + _SAME)}) FROM STDIN"
    with driver.cursor() as cursor, cursor.copy(into) as copy:
        for values in _values(people):
            copy.write_row(values + same)
