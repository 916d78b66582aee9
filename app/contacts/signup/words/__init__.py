"""What forms, their mails and the pages behind them say, in the visitor's language.

A module a language, with the same keys and the same places to fill in; a test compares them. To
add a language, add a module and name it here.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.contacts.signup.words import dutch, english, french, german, italian, spanish

#: The sources have the sign of typewriters.
APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"


def _typeset(texts: Mapping[str, str]) -> Mapping[str, str]:
    return {key: text.replace("'", APOSTROPHE) for key, text in texts.items()}


LANGUAGES: Mapping[str, Mapping[str, str]] = {
    "en": _typeset(english.TEXTS),
    "de": _typeset(german.TEXTS),
    "fr": _typeset(french.TEXTS),
    "es": _typeset(spanish.TEXTS),
    "it": _typeset(italian.TEXTS),
    "nl": _typeset(dutch.TEXTS),
}
#: As they call themselves.
NAMES: Mapping[str, str] = {
    "en": english.NAME,
    "de": german.NAME,
    "fr": french.NAME,
    "es": spanish.NAME,
    "it": italian.NAME,
    "nl": dutch.NAME,
}


class Words:
    """The words for one answer, in one language."""

    def __init__(self, language: str, **values: str) -> None:
        self.language = language if language in LANGUAGES else "en"
        self._values = values

    def __call__(self, key: str, **values: object) -> str:
        """One text, filled in. Templates escape the result."""
        return LANGUAGES[self.language][key].format_map({**self._values, **values})
