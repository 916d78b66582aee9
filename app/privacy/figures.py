"""How long things are kept, as the code has it: for texts that must not promise anything else.

The features that keep something are above this one, so `app.site.promises` brings the figures here
when a process begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

_known: dict[str, timedelta] = {}


def know(found: Mapping[str, timedelta]) -> None:
    """Called once by each process, before any text is written."""
    _known.clear()
    _known.update(found)


def in_words() -> dict[str, str]:
    """{"session": "30 days", …}: what texts fill in."""
    return {name: words(length) for name, length in _known.items()}


def words(length: timedelta) -> str:
    """30 days, 1 hour, 15 minutes: the largest unit that leaves no rest."""
    for unit, seconds in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        n, rest = divmod(int(length.total_seconds()), seconds)
        if n and not rest:
            return f"{n} {unit}{'' if n == 1 else 's'}"
    return f"{length.total_seconds():g} seconds"
