"""Many rows in one statement, the same way on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from app.contacts.models import Import
from app.contacts.rows import Person
from app.contacts.text import search_key
from app.core.db import db, dialect_name
from app.core.errors import DomainError

_COLUMNS = (
    "id", "account_id", "email", "address", "kind", "first_name", "last_name", "company",
    "first_key", "last_key", "company_key", "fields", "notes", "tracking_off", "import_id",
    "is_sample", "created_at", "updated_at",
)  # fmt: skip


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


def insert_missing(table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Add the rows that are not there yet; returns how many that were."""
    if not rows:
        return 0
    insert = postgresql.insert if dialect_name() == "postgresql" else sqlite.insert
    statement = insert(table).on_conflict_do_nothing().returning(next(iter(table.primary_key)))
    return len(db.session.connection().execute(statement, list(rows)).all())


def insert_contacts(import_: Import, people: Sequence[Person], at: datetime) -> None:
    """New contacts; gives each its id, rising in their order. Raises Collision."""
    connection = db.session.connection()
    for person, number in zip(people, _numbers(connection, len(people)), strict=True):
        person.id = number
    driver: Any = connection.connection.driver_connection
    clash = connection.dialect.loaded_dbapi.IntegrityError
    try:
        if dialect_name() == "postgresql":
            _copy(driver, _values(import_, people, at, no=False))
        else:
            stamp = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
            marks = ",".join("?" * len(_COLUMNS))
            driver.executemany(
                f"INSERT INTO contact ({','.join(_COLUMNS)}) VALUES ({marks})",  # noqa: S608
                _values(import_, people, stamp, no=0),
            )
    except clash as error:
        raise Collision("The same people are being added elsewhere right now.") from error


def _values(
    import_: Import, people: Sequence[Person], stamp: Any, *, no: Any
) -> Iterable[tuple[Any, ...]]:
    account_id, import_id, dump = import_.account_id, import_.id, json.dumps
    for person in people:
        yield (
            person.id, account_id, person.email, person.address, person.guessed_kind,
            person.first, person.last, person.company, search_key(person.first),
            search_key(person.last), search_key(person.company),
            dump(person.fields) if person.fields else "{}",
            person.notes, no, import_id, no, stamp, stamp,
        )  # fmt: skip


def _numbers(connection: sa.Connection, count: int) -> Iterable[int]:
    """Ids for `count` new contacts."""
    if connection.dialect.name == "postgresql":
        query = sa.text(
            "SELECT nextval(pg_get_serial_sequence('contact', 'id')) FROM generate_series(1, :n)"
        )
        return sorted(connection.scalars(query, {"n": count}))
    last = connection.scalar(sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'contact'")) or 0
    return range(last + 1, last + 1 + count)


def _copy(driver: Any, rows: Iterable[tuple[Any, ...]]) -> None:
    with (
        driver.cursor() as cursor,
        cursor.copy(f"COPY contact ({','.join(_COLUMNS)}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)
