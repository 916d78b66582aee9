"""Segments to start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SILENT_DAYS = 180


@dataclass(frozen=True)
class Idea:
    """A name, why one would want it, and its rule."""

    key: str
    name: str
    why: str
    rule: dict[str, Any]


def ideas(types: Mapping[str, str]) -> list[Idea]:
    """Those that fit the account; birthdays need a date field."""
    found = [
        Idea("new", "New in the last 30 days", "To greet them.", _when("added", "in_last", 30)),
        Idea("engaged", "Engaged", "They opened or clicked lately: your best readers.", _engaged()),
        Idea(
            "silent", "Silent for half a year",
            "They get your mail and do not read it. Ask them once more, or stop writing to them.",
            silent(),
        ),
        Idea("never", "Never opened", "They got three mails or more and opened none.", _never()),
        Idea(
            "organisations", "Organisations only", "Businesses, clubs and desks, no persons.",
            {"field": "kind", "op": "is", "value": "organisation"},
        ),
    ]  # fmt: skip
    if birthday := _birthday_field(types):
        rule = _when(f"fields.{birthday}", "anniversary_within", 7)
        why = "Their day comes within a week."
        found.append(Idea("birthdays", "Birthdays this week", why, rule))
    return found


def idea(key: str, types: Mapping[str, str]) -> Idea | None:
    """By its key."""
    return next((one for one in ideas(types) if one.key == key), None)


def not_opened(campaign_id: int, name: str) -> Idea:
    """Whoever got a campaign and did not open it; machines that fetch pictures do not count."""
    rule = {
        "all": [
            {"field": "received", "op": "did", "campaign": campaign_id},
            {"field": "opened", "op": "did_not", "campaign": campaign_id, "by": "human"},
            {"field": "tracking", "op": "is", "value": True},
        ]
    }
    return Idea("not_opened", f"Did not open {name}"[:200], "To send it once more.", rule)


def silent(days: int = SILENT_DAYS) -> dict[str, Any]:
    """Whoever could be seen reading, got mail in that time, and read none."""
    when = {"op": "in_last", "value": days}
    return {
        "all": [
            {"field": "added", "op": "before_last", "value": days},
            {"field": "received", "op": "did", "times": 3, "campaign": "tracked", "when": when},
            {"field": "opened", "op": "did_not", "when": when},
            {"field": "tracking", "op": "is", "value": True},
        ]
    }


def _engaged() -> dict[str, Any]:
    when = {"op": "in_last", "value": 90}
    return {
        "any": [
            {"field": "opened", "op": "did", "times": 2, "when": when},
            {"field": "clicked", "op": "did", "when": when},
        ]
    }


def _never() -> dict[str, Any]:
    return {
        "all": [
            {"field": "received", "op": "did", "times": 3, "campaign": "tracked"},
            {"field": "opened", "op": "did_not"},
            {"field": "tracking", "op": "is", "value": True},
        ]
    }


def _when(field: str, op: str, value: int) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value}


def _birthday_field(types: Mapping[str, str]) -> str | None:
    dates = [key for key, type_ in types.items() if type_ == "date"]
    likely = [key for key in dates if "birth" in key or "geburt" in key]
    return next(iter(likely or dates), None)
