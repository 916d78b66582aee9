"""Filling in the words on recipients' pages."""

from __future__ import annotations

from datetime import datetime

from app.tracking.words import LANGUAGES

__all__ = ["LANGUAGES", "Texts"]


class Texts:
    """The words for one answer."""

    def __init__(self, language: str, **values: str) -> None:
        self.language = language if language in LANGUAGES else "en"
        self._values = {"sender": "", "list": "", **values}

    def __call__(self, key: str, **values: str) -> str:
        """One text, filled in. Templates escape the result."""
        return LANGUAGES[self.language][key].format_map({**self._values, **values})

    def day(self, at: datetime) -> str:
        """A date in words, as the language has it; `at` in the zone that counts."""
        month = self("months").split()[at.month - 1]
        return self("day", day=str(at.day), month=month, year=str(at.year))
