"""Keyset pages: the cost of one does not grow with the list.

A cursor is opaque to the reader: the sort key of the last row, as JSON in base64url.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from app.core.errors import Invalid
from app.core.owning import LARGEST

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


class NoKey(Invalid):
    """A cursor that was cut, made up, or is of another list."""

    def __init__(self) -> None:
        super().__init__("This page address is not complete. Start again from the list.")


class Key(list[Any]):
    """A sort key out of a cursor. Nobody knows who wrote it: each part is read as what it has to
    be. All raise NoKey."""

    def number(self, at: int) -> int:
        """The id of a row."""
        found = self._part(at)
        if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found < LARGEST:
            raise NoKey
        return found

    def text(self, at: int) -> str:
        """A text that a database can compare."""
        found = self._part(at)
        if not isinstance(found, str) or "\0" in found or not _is_unicode(found):
            raise NoKey
        return found

    def moment(self, at: int) -> datetime:
        """A moment, as isoformat() wrote it."""
        try:
            found = datetime.fromisoformat(self.text(at))
        except ValueError:
            raise NoKey from None
        if found.tzinfo is None:
            raise NoKey
        return found

    def _part(self, at: int) -> Any:
        if at >= len(self):
            raise NoKey
        return self[at]


def _is_unicode(text: str) -> bool:
    """JSON can hold halves of signs, which no database takes."""
    return not any("\ud800" <= sign <= "\udfff" for sign in text)


def decode(cursor: str | None) -> Key | None:
    """The sort key again; None for no cursor. Raises NoKey for a made-up one."""
    if not cursor:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        raise NoKey from None
    if not isinstance(key, list):
        raise NoKey
    return Key(key)


def cut(rows: Sequence[Row], limit: int, key: Callable[[Row], Sequence[Any]]) -> Page[Row]:
    """A page from limit + 1 rows that were asked for."""
    more = len(rows) > limit
    items = rows[:limit]
    return Page(items, encode(key(items[-1])) if more else None)
