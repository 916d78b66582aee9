"""What forms, their mails and the pages behind them say, in the visitor's language.

A module a language, with the same keys and the same places to fill in; a test compares them. To
add a language, add a module and name it here.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.contacts.signup.words import dutch, english, french, german, italian, spanish
from app.core.languages import typeset

LANGUAGES: Mapping[str, Mapping[str, str]] = {
    "en": typeset(english.TEXTS),
    "de": typeset(german.TEXTS),
    "fr": typeset(french.TEXTS),
    "es": typeset(spanish.TEXTS),
    "it": typeset(italian.TEXTS),
    "nl": typeset(dutch.TEXTS),
}


class Words:
    """The words for one answer, in one language."""

    def __init__(self, language: str, **values: str) -> None:
        self.language = language if language in LANGUAGES else "en"
        self._values = values

    def __call__(self, key: str, **values: object) -> str:
        """One text, filled in. Templates escape the result."""
        return LANGUAGES[self.language][key].format_map({**self._values, **values})
