"""The words on recipients' pages, in the recipient's language.

A module a language, with the same keys and the same places to fill in; a test compares them. To
add a language, add a module and name it here, and `templates/preferences/_privacy.CODE.txt`.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.tracking.words import dutch, english, french, german, italian, spanish

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
