"""How long somebody would guess at a password, and what would make it longer, in plain words.

zxcvbn knows the words, names and patterns of which most passwords are made, and counts how many
guesses come before this one. Its 13 MB of dictionaries are loaded when somebody first chooses
a password.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

#: Guesses, as a power of ten. With our hash, one machine makes about ten a second.
WEAK, FAIR, GOOD = 8.0, 10.0, 12.0
#: More is long enough by itself, and takes zxcvbn long.
LOOKED_AT = 72
LEVELS = ("too weak", "fair", "good", "strong")
#: What zxcvbn found, in words for somebody who is choosing.
PATTERNS = {
    "spatial": "Keys that lie side by side are tried early.",
    "repeat": "Something repeated is hardly longer than once.",
    "sequence": "Rows such as abc or 6543 are tried early.",
    "regex": "Years are tried early.",
    "date": "Dates are tried early, above all birthdays.",
}
ONE_WORD = "One word with signs and digits around it is tried early."
OWN = "Your name, your address and your business are tried first."
BETTER = "Add another word or two that do not belong together."


@dataclass(frozen=True)
class Strength:
    """What is thought of a password."""

    level: int
    """An index of LEVELS: 0 is refused."""
    advice: str = ""

    @property
    def word(self) -> str:
        """The level for people."""
        return LEVELS[self.level]


def of(password: str, *, known: tuple[str, ...] = ()) -> Strength:
    """How strong it is. `known` is what everybody can know about the person."""
    if len(password) > LOOKED_AT:
        return Strength(3)
    from zxcvbn import zxcvbn

    words = [word for text in known for word in re.split(r"\W+", text) if len(word) > 2]
    found: dict[str, Any] = zxcvbn(password, user_inputs=[*known, *words])
    guesses = float(found["guesses_log10"])
    level = sum(guesses >= bound for bound in (WEAK, FAIR, GOOD))
    if level == 1 and _is_own(found):
        level = 0  # whoever knows the person does not begin with the dictionary
    return Strength(level, _advice(found) if level < 2 else "")


def _is_own(found: dict[str, Any]) -> bool:
    return any(part.get("dictionary_name") == "user_inputs" for part in found["sequence"])


def _advice(found: dict[str, Any]) -> str:
    if _is_own(found):
        return f"{OWN} {BETTER}"
    parts = found["sequence"]
    longest: dict[str, Any] = max(parts, key=lambda part: len(part["token"]), default={})
    why = PATTERNS.get(longest.get("pattern", ""), ONE_WORD)
    return f"{why} {BETTER}"
