"""Keyset pages: the cost of one does not grow with the list.

A cursor is opaque to the reader: the sort key of the last row, as JSON in base64url.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from app.core.errors import Invalid

Row = TypeVar("Row")
PAGE_SIZE = 50


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows, and cursors to go on from them; None at an end."""

    items: Sequence[Row]
    older: str | None
    newer: str | None = None


def encode(key: Sequence[Any]) -> str:
    """A cursor from a sort key of JSON values."""
    raw = json.dumps(list(key), separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(cursor: str | None) -> list[Any] | None:
    """The sort key again; None for no cursor. Raises Invalid for a made-up one."""
    if not cursor:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        raise Invalid("This page address is not complete. Start again from the list.") from None
    if not isinstance(key, list):
        raise Invalid("This page address is not complete. Start again from the list.")
    return key


def cut(rows: Sequence[Row], limit: int, key: Callable[[Row], Sequence[Any]]) -> Page[Row]:
    """A page from limit + 1 rows that were asked for."""
    more = len(rows) > limit
    items = rows[:limit]
    return Page(items, encode(key(items[-1])) if more else None)
