"""The words on recipients' pages, in the recipient's language.

A module a language, with the same keys and the same places to fill in; a test compares them. To
add a language, add a module and name it here, and `templates/preferences/_privacy.CODE.txt`.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.core.languages import typeset
from app.tracking.words import dutch, english, french, german, italian, spanish

LANGUAGES: Mapping[str, Mapping[str, str]] = {
    "en": typeset(english.TEXTS),
    "de": typeset(german.TEXTS),
    "fr": typeset(french.TEXTS),
    "es": typeset(spanish.TEXTS),
    "it": typeset(italian.TEXTS),
    "nl": typeset(dutch.TEXTS),
}
