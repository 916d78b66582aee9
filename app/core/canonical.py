"""One spelling of a row, the same on every database and in every version: what is hashed.

JSON with its keys in order and no spaces; what is null or empty is left out, so that a column
which comes later leaves older rows as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from app.core.db import UtcDateTime

#: Of JSON values.
encode: Callable[[Any], str] = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, separators=(",", ":")
).encode
#: How SQLite keeps a moment.
_STORED_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?").fullmatch


def plain(value: Any) -> Any:
    """A value as canonical JSON has it; a moment in UTC: 2026-05-03T10:20:30.123456Z."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, str) and _STORED_MOMENT(value):
        return f"{value[:10]}T{value[11:]}Z"
    return value


def says(value: Any) -> bool:
    """Whether a value is worth a word."""
    return value is not None and value != "" and value != {}


def raw(table: sa.FromClause, names: Iterable[str]) -> tuple[sa.ColumnElement[Any], ...]:
    """Columns as the driver gives them: whatever somebody wrote there by hand can be read."""
    return tuple(
        sa.type_coerce(table.c[name], sa.types.NULLTYPE).label(name) for name in sorted(names)
    )


def row_text(table: sa.FromClause, row: sa.Row[Any]) -> str:
    """A row of such columns, whatever the database keeps them as."""
    values = {name: _read(table.c[name].type, value) for name, value in row._mapping.items()}
    return encode({name: value for name, value in values.items() if says(value) and value != []})


def _read(kind: Any, value: Any) -> Any:
    """SQLite keeps JSON as text, truth as a number and a date as text; PostgreSQL each as such."""
    if isinstance(kind, sa.JSON) and isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    if isinstance(kind, sa.Boolean) and value in (0, 1):
        return bool(value)
    if isinstance(kind, UtcDateTime):
        return plain(value)
    return value.isoformat() if isinstance(value, date) else value
