"""Segments: saved rules over contacts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.contacts.segments import compiling, reading, surroundings
from app.contacts.segments.reading import BadRule
from app.contacts.segments.rule import Rule, as_json

__all__ = ["BadRule", "Rule", "as_json", "checked", "condition", "is_readable", "written"]


def condition(
    account_id: int, rule: Mapping[str, Any], *, at: datetime | None = None
) -> compiling.Condition:
    """Contacts that a stored rule fits, as a condition on Contact; it does not name the account.

    `at` is the moment that "today" is taken from. Raises BadRule.
    """
    around = surroundings.of(account_id, at=at)
    return compiling.condition(reading.read(rule, around.types), around)


def checked(account_id: int, rule: Any) -> Rule:
    """A rule from JSON, for storing it by `as_json`. Raises BadRule, which says what to mend."""
    return reading.read(rule, surroundings.of(account_id).types)


def written(account_id: int, rule: Any) -> Rule:
    """As `checked`, of a rule that somebody writes: spans have to end after they begin."""
    found = checked(account_id, rule)
    reading.refuse_backwards(found)
    return found


def is_readable(account_id: int, rule: Any) -> bool:
    """Whether a stored rule can be worked out."""
    try:
        checked(account_id, rule)
    except BadRule:
        return False
    return True
