"""Numbers of rows are in links that were mailed: none may come to mean somebody else.

A backup does not know the numbers that were given out after it was made, so counting goes on
behind the last of them, or, where that one is not known, far behind.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

#: More than an installation gives out between two backups.
FAR = 1_000_000


def last_ids(connection: sa.Connection) -> dict[str, int]:
    """Table → the highest number that was ever given out there."""
    if connection.dialect.name == "sqlite":
        rows = connection.execute(sa.text("SELECT name, seq FROM sqlite_sequence"))
        return {str(name): int(seq) for name, seq in rows}
    found = {name: _last_of(connection, name) for name in _with_id(connection)}
    return {name: last for name, last in found.items() if last is not None}


def _with_id(connection: sa.Connection) -> list[str]:
    rows = connection.scalars(
        sa.text(
            "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' "
            "AND column_name = 'id' ORDER BY table_name"
        )
    )
    return [str(name) for name in rows]


def _last_of(connection: sa.Connection, table: str) -> int | None:
    sequence = connection.scalar(
        sa.text("SELECT pg_get_serial_sequence(quote_ident(:table), 'id')"), {"table": table}
    )
    if sequence is None:
        return None
    # The name comes quoted, from the database itself.
    return int(connection.scalar(sa.text(f"SELECT last_value FROM {sequence}")) or 0)  # noqa: S608


def go_behind(connection: sa.Connection, given_out: Mapping[str, int] | None) -> None:
    """Never give these numbers out again; None: nobody knows them."""
    for table, last in last_ids(connection).items():
        wanted = last + FAR if given_out is None else max(last, given_out.get(table, 0))
        if connection.dialect.name == "sqlite":
            statement = "UPDATE sqlite_sequence SET seq = :wanted WHERE name = :table"
        else:
            statement = "SELECT setval(pg_get_serial_sequence(quote_ident(:table), 'id'), :wanted)"
        connection.execute(sa.text(statement), {"wanted": wanted, "table": table})
    if given_out and connection.dialect.name == "sqlite":
        _begin_behind(connection, given_out)


def _begin_behind(connection: sa.Connection, given_out: Mapping[str, int]) -> None:
    """Tables that had no row yet when the backup was made."""
    connection.execute(
        sa.text(
            "INSERT INTO sqlite_sequence (name, seq) SELECT :table, :last "
            "WHERE EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = :table) "
            "AND NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = :table)"
        ),
        [{"table": table, "last": last} for table, last in given_out.items()],
    )
