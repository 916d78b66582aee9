"""What is in a database, in numbers small enough to compare: rows a table, and samples of them."""

from __future__ import annotations

import hashlib
from typing import Any

import sqlalchemy as sa

#: Table → {rows, sample}; `sample` is a SHA-256 over some of its rows, hex.
Census = dict[str, dict[str, Any]]
SAMPLES = 50


def take(connection: sa.Connection) -> Census:
    """Count every table and look closely at SAMPLES rows or so of each, spread by id."""
    if connection.dialect.name == "postgresql":
        # Moments are written in the session's zone, which may be set for one database alone.
        connection.execute(sa.text("SET TIME ZONE 'UTC'"))
    found: Census = {}
    for name in sorted(sa.inspect(connection).get_table_names()):
        table = sa.table(name)
        rows = connection.scalar(sa.select(sa.func.count()).select_from(table))
        found[name] = {"rows": int(rows or 0), "sample": _sample(connection, name)}
    return found


def _sample(connection: sa.Connection, name: str) -> str:
    key = sa.inspect(connection).get_pk_constraint(name)["constrained_columns"]
    if key != ["id"]:
        return ""
    columns = [column["name"] for column in sa.inspect(connection).get_columns(name)]
    chosen = [_as_text(connection, column) for column in sorted(columns)]
    table, id_ = sa.table(name), sa.column("id", sa.BigInteger)
    ends = sa.select(sa.func.min(id_), sa.func.max(id_)).select_from(table)
    first, last = (
        map(int, connection.execute(ends).one()) if _has_rows(connection, name) else (1, 0)
    )
    digest = hashlib.sha256()
    step = max(1, (last - first) // SAMPLES)
    for at in range(first, last + 1, step):
        row = connection.execute(
            sa.select(*chosen).select_from(table).where(id_ >= at).order_by(id_).limit(1)
        ).one()
        digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()


def _has_rows(connection: sa.Connection, name: str) -> bool:
    query = sa.select(sa.literal(1)).select_from(sa.table(name)).limit(1)
    return connection.scalar(query) is not None


def _as_text(connection: sa.Connection, column: str) -> sa.ColumnElement[Any]:
    """As the database itself writes it, so that no driver has a say."""
    value: sa.ColumnElement[Any] = sa.column(column)
    if connection.dialect.name == "sqlite":
        return sa.func.quote(value).label(column)  # bytes that are no text as well
    return sa.cast(value, sa.Text).label(column)


def differences(wanted: Census, found: Census) -> list[str]:
    """What is not the same, a line a table."""
    lines = []
    for name in sorted(wanted.keys() | found.keys()):
        one, other = wanted.get(name), found.get(name)
        if one is None or other is None:
            lines.append(f"{name}: {'is missing' if other is None else 'should not be there'}")
        elif one["rows"] != other["rows"]:
            lines.append(f"{name}: {other['rows']:,} rows instead of {one['rows']:,}")
        elif one["sample"] != other["sample"]:
            lines.append(f"{name}: rows differ from those that were backed up")
    return lines
