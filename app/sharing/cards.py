"""The picture that networks show beside a shared link, where the mail has none of its own."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from app.config import CHECKOUT

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

WIDTH, HEIGHT = 1200, 630
MARGIN = 90
PAPER, INK, SOFT, BRAND = "#FBFAF7", "#1B1F1D", "#5B625E", "#1C6B50"
TITLE_SIZES = (76, 64, 54, 46)
MOST_LINES = 4
_INTER = "static/vendor/fontsource-variable-inter@5.3.0/inter-latin-wght-normal.woff2"
_OTHER = "app/contacts/fonts/DejaVuSans-Bold.ttf"
#: The end of what the file of Inter has.
_LATIN = 0x00FF


@lru_cache(maxsize=16)
def png(title: str, sender: str) -> bytes:
    """1200 by 630 pixels, a few ten kilobytes."""
    # Only where somebody asks for a card.
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, WIDTH, 18), fill=BRAND)
    draw.text((MARGIN, MARGIN), _cut(draw, sender, _font(sender, 34)), BRAND, _font(sender, 34))
    font, lines = _fitting(draw, title)
    y = 180
    for line in lines:
        draw.text((MARGIN, y), line, INK, font)
        y += int(font.size * 1.22)
    draw.line((MARGIN, HEIGHT - 90, WIDTH - MARGIN, HEIGHT - 90), fill="#E4E1D8", width=2)
    draw.text((MARGIN, HEIGHT - 70), "Read it online", SOFT, _font("", 28))
    made = io.BytesIO()
    picture.quantize(64).save(made, "PNG", optimize=True)
    return made.getvalue()


def _font(text: str, size: int) -> FreeTypeFont:
    from PIL import ImageFont

    is_latin = all(ord(sign) <= _LATIN or 0x2010 <= ord(sign) <= 0x2026 for sign in text)
    if not is_latin:
        return ImageFont.truetype(str(Path(CHECKOUT) / _OTHER), size)
    font = ImageFont.truetype(str(Path(CHECKOUT) / _INTER), size)
    font.set_variation_by_axes([680])
    return font


def _fitting(draw: ImageDraw, title: str) -> tuple[FreeTypeFont, list[str]]:
    for size in TITLE_SIZES:
        font = _font(title, size)
        lines = _wrapped(draw, title, font)
        if len(lines) <= MOST_LINES:
            return font, lines
    return font, [*lines[: MOST_LINES - 1], _cut(draw, lines[MOST_LINES - 1] + " …", font)]


def _wrapped(draw: ImageDraw, text: str, font: FreeTypeFont) -> list[str]:
    lines = [""]
    for word in text.split():
        # A word that is wider than the picture is broken where it must be.
        for piece in _pieces(draw, word, font):
            longer = f"{lines[-1]} {piece}".strip()
            if draw.textlength(longer, font) <= WIDTH - 2 * MARGIN:
                lines[-1] = longer
            else:
                lines.append(piece)
    return lines


def _pieces(draw: ImageDraw, word: str, font: FreeTypeFont) -> list[str]:
    pieces = [""]
    for sign in word[:400]:
        if draw.textlength(pieces[-1] + sign, font) > WIDTH - 2 * MARGIN:
            pieces.append("")
        pieces[-1] += sign
    return pieces


def _cut(draw: ImageDraw, text: str, font: FreeTypeFont) -> str:
    if draw.textlength(text, font) <= WIDTH - 2 * MARGIN:
        return text
    while text and draw.textlength(text + "…", font) > WIDTH - 2 * MARGIN:
        text = text[:-1]
    return text + "…"
