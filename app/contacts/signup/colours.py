"""Colours of a form, and whether its words can be read in them (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

import re

#: Least contrast of words on what is behind them.
LEAST = 4.5
#: Where an owner chose some colours and left others open.
INK, WHITE, DEFAULT_ACCENT = "#1b1f1d", "#ffffff", "#1c6b50"
REDS = ("#a8322a", "#ffb4ab")
_HEX = re.compile(r"#[0-9a-f]{6}")


def read(text: str) -> str:
    """#a1b2c3 in lower case; nothing where it is no such colour."""
    text = text.strip().lower()
    return text if _HEX.fullmatch(text) else ""


def contrast(one: str, other: str) -> float:
    """From 1 (the same) to 21 (black on white)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def readable_on(colour: str) -> str:
    """Black or white: whichever reads better; one of them always has more than 4.5."""
    return max("#ffffff", "#000000", key=lambda words: contrast(words, colour))


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def variables(accent: str, text: str, background: str) -> dict[str, str]:
    """Names of our style sheet → values, where an owner chose any colour; checked as they are."""
    accent, text, background = read(accent), read(text), read(background)
    if not (accent or text or background):
        return {}
    words, behind = text or INK, background or WHITE
    found = dict.fromkeys(("paper", "panel", "sunken"), behind)
    found |= dict.fromkeys(("ink", "soft", "edge", "focus"), words)
    # What is wrong is red where red can be read, and has a sign beside it anywhere.
    found["bad"] = next((red for red in REDS if contrast(red, behind) >= LEAST), words)
    button = accent or DEFAULT_ACCENT
    found |= {"brand": button, "brand-strong": button, "on-brand": readable_on(button)}
    return found
