"""Languages in which we speak to recipients, as they call themselves."""

from __future__ import annotations

from collections.abc import Mapping

NAMES: Mapping[str, str] = {
    "en": "English",
    "de": "Deutsch",
    "fr": "Français",
    "es": "Español",
    "it": "Italiano",
    "nl": "Nederlands",
}
#: The sources have the sign of typewriters.
APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"


def typeset(texts: Mapping[str, str]) -> Mapping[str, str]:
    """The same texts with the apostrophe that print has."""
    return {key: text.replace("'", APOSTROPHE) for key, text in texts.items()}
