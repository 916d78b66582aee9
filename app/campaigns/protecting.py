"""Taking Liquid out of a source before HTML and Markdown tools see it, and putting it back.

Those tools would escape quotes and angle brackets inside `{{ … }}`, read `first_name` as emphasis
or move `{% if %}` out of a table. A word of letters, or a comment where a tag stands between
others, goes through all of them unharmed.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from app.campaigns.places import LIQUID, scan

_LIKE_ENTITY = re.compile(r"&(?:quot|#34|#39|apos|lt|gt|amp|nbsp);")


class Protected:
    """A source without its Liquid."""

    def __init__(self, source: str, *, comments: bool = False) -> None:
        """`comments`: the source is HTML, and Liquid between tags becomes a comment."""
        self._mark = _unused(source)
        self._pieces: list[str] = []
        places = scan(source).places if comments else {}

        def take(found: re.Match[str]) -> str:
            self._pieces.append(found[0])
            word = f"{self._mark}{len(self._pieces) - 1}z"
            place = places.get(found.start())
            return f"<!--{word}-->" if place and place.open else word

        self.source = LIQUID.sub(take, source)

    def restore(self, made: str) -> str:
        """Put the Liquid back."""
        word = rf"{self._mark}(\d+)z"
        return re.sub(rf"<!--{word}-->|{word}", self._piece, made)

    def lonely(self) -> re.Pattern[str]:
        """Matches a paragraph that holds nothing but tags of Liquid ({% … %})."""
        tags = [str(i) for i, piece in enumerate(self._pieces) if piece.startswith("{%")]
        word = rf"{self._mark}(?:{'|'.join(tags) or 'none'})z"
        return re.compile(rf"<p>((?:\s*{word})+)\s*</p>")

    def _piece(self, found: re.Match[str]) -> str:
        return self._pieces[int(found[1] or found[2])]


def through(source: str, change: Callable[[str], str], *, comments: bool = False) -> str:
    """Change a source without touching its Liquid."""
    protected = Protected(source, comments=comments)
    return protected.restore(change(protected.source))


def plain_liquid(source: str) -> str:
    """Editors write `{{ x | default: &quot;y&quot; }}`; inside Liquid that means the characters."""

    def unescape(found: re.Match[str]) -> str:
        if not _LIKE_ENTITY.search(found[0]):
            return found[0]
        return html.unescape(found[0]).replace("\N{NO-BREAK SPACE}", " ")

    return LIQUID.sub(unescape, source)


def _unused(source: str) -> str:
    mark = "lqx"
    while mark in source:
        mark += "x"
    return mark
