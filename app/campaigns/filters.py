"""The closed set of filters for merge tags: plain functions over values of contacts.

Each takes the value and at most two arguments, is linear in their length and refuses to build
more than LIMIT characters, so that no mail can keep a worker busy.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

from liquid.exceptions import FilterArgumentError

Filter = Callable[..., Any]
LIMIT = 100_000


def text(value: object) -> str:
    """A value as people read it: nothing for what is not there, 3 for 3.0."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list):
        return ", ".join(text(item) for item in value)
    # Whole objects ({{ contact }}) and what Liquid has of its own are not for readers.
    return str(value) if isinstance(value, int | float | date) else ""


def default(value: object, fallback: object = "") -> object:
    return value if text(value).strip() and value is not False else fallback


def upcase(value: object) -> str:
    return text(value).upper()


def downcase(value: object) -> str:
    return text(value).lower()


def capitalize(value: object) -> str:
    return text(value)[:1].upper() + text(value)[1:]


def strip(value: object) -> str:
    return text(value).strip()


def truncate(value: object, length: object = 50, end: object = "…") -> str:
    whole, most = text(value), max(_whole(length), 0)
    if len(whole) <= most:
        return whole
    return whole[: max(most - len(text(end)), 0)] + text(end)


def truncatewords(value: object, words: object = 15, end: object = "…") -> str:
    found, most = text(value).split(), max(_whole(words), 1)
    return " ".join(found) if len(found) <= most else " ".join(found[:most]) + text(end)


def replace(value: object, old: object, new: object = "") -> str:
    whole, old_text, new_text = text(value), text(old), text(new)
    if not old_text:
        return whole
    _refuse_long(len(whole) + whole.count(old_text) * len(new_text))
    return whole.replace(old_text, new_text)


def remove(value: object, old: object) -> str:
    return replace(value, old, "")


def append(value: object, more: object) -> str:
    _refuse_long(len(text(value)) + len(text(more)))
    return text(value) + text(more)


def prepend(value: object, before: object) -> str:
    return append(before, value)


def escape(value: object) -> str:
    """Values are always escaped where they stand; doing it here too would do it twice."""
    return text(value)


def url_encode(value: object) -> str:
    return quote(text(value)[:LIMIT], safe="")


def date_(value: object, pattern: object = "%d %B %Y") -> str:
    """Writes a date; "now" and "today" are the day of sending. Anything else stays as it is."""
    moment = _moment(text(value).strip())
    if moment is None:
        return text(value)
    if len(text(pattern)) > 100:
        raise FilterArgumentError("the date's pattern is too long", token=None)
    try:
        return moment.strftime(text(pattern))
    except ValueError:
        return text(value)


def size(value: object) -> int:
    return len(value) if isinstance(value, list) else len(text(value))


def first(value: object) -> str:
    return _at(value, 0)


def last(value: object) -> str:
    return _at(value, -1)


def split(value: object, at: object = ",") -> list[str]:
    parts = text(value).split(text(at)) if text(at) else list(text(value))
    return parts[:1000]


def join(value: object, between: object = ", ") -> str:
    items = [text(item) for item in value] if isinstance(value, list) else [text(value)]
    _refuse_long(sum(len(item) + len(text(between)) for item in items))
    return text(between).join(items)


#: name → function, least and most arguments, what it does. The compose page shows this list.
FILTERS: dict[str, tuple[Filter, int, int, str]] = {
    "default": (default, 1, 1, "what to say where nothing is known: default: 'friend'"),
    "capitalize": (capitalize, 0, 0, "first letter large"),
    "upcase": (upcase, 0, 0, "ALL LARGE"),
    "downcase": (downcase, 0, 0, "all small"),
    "strip": (strip, 0, 0, "no spaces around it"),
    "truncate": (truncate, 0, 2, "cut after so many characters: truncate: 20"),
    "truncatewords": (truncatewords, 0, 2, "cut after so many words: truncatewords: 5"),
    "replace": (replace, 2, 2, "other words: replace: 'Ltd', 'Limited'"),
    "remove": (remove, 1, 1, "without some words: remove: 'Ltd'"),
    "append": (append, 1, 1, "something after it: append: '!'"),
    "prepend": (prepend, 1, 1, "something before it: prepend: 'Dear '"),
    "date": (date_, 0, 1, "a date as you like it: date: '%d.%m.%Y'"),
    "url_encode": (url_encode, 0, 0, "safe inside a link; done for you in links"),
    "escape": (escape, 0, 0, "safe inside HTML; always done for you"),
    "size": (size, 0, 0, "how many characters"),
    "first": (first, 0, 0, "the first character, or part after split"),
    "last": (last, 0, 0, "the last character, or part after split"),
    "split": (split, 0, 1, "cut into parts: split: ','"),
    "join": (join, 0, 1, "parts together again: join: ' and '"),
}


def _whole(value: object) -> int:
    try:
        return int(text(value) or 0)
    except ValueError:
        raise FilterArgumentError("a number is needed", token=None) from None


def _at(value: object, index: int) -> str:
    if isinstance(value, list):
        return text(value[index]) if value else ""
    whole = text(value)
    return whole[index] if whole else ""


def _moment(value: str) -> datetime | date | None:
    if value in ("now", "today"):
        return datetime.now(UTC)
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _refuse_long(length: int) -> None:
    if length > LIMIT:
        raise FilterArgumentError("the result would be too long", token=None)
