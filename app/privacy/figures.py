"""How long things last, as the code has it: for texts that must not promise anything else.

What is kept how long stands in `core.keeping`. Other lengths (of links, of sessions) belong to
features above this one, so `app.staff.promises` brings them here when a process begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from app.core import keeping

_lengths: dict[str, timedelta] = {}


def know(lengths: Mapping[str, timedelta]) -> None:
    """Called once by each process, before any text is written."""
    _lengths.clear()
    _lengths.update(lengths)


def in_words() -> dict[str, str]:
    """{"password_link": "1 hour", "notices": "30 days", …}: lengths, and how long each kind of
    data is kept now."""
    lasting = {name: words(length) for name, length in _lengths.items()}
    return {**lasting, **kept_in("en")}


def kept_in(language: str) -> dict[str, str]:
    """How long each kind of data is kept now; without those for which the language has no words."""
    found = {kept.rule.key: kept.how_long_in(language) for kept in keeping.everything()}
    return {key: how_long for key, how_long in found.items() if how_long}


def words(length: timedelta) -> str:
    """30 days, 1 hour, 15 minutes: the largest unit that leaves no rest."""
    for unit, seconds in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        n, rest = divmod(int(length.total_seconds()), seconds)
        if n and not rest:
            return f"{n} {unit}{'' if n == 1 else 's'}"
    return f"{length.total_seconds():g} seconds"
