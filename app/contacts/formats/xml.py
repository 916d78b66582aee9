"""XML as a stream of rows: never a tree in memory, never an entity or a document type."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Protocol
from xml.parsers import expat

from app.contacts.formats.archives import Packed, told
from app.contacts.formats.limits import DAMAGED, Unreadable

PIECE = 1 << 16
DEEPEST = 200
#: Of one element with its attributes.
LONGEST = 4 << 20
TRICKY = "The file defines its own XML entities, which no spreadsheet program writes."


class Handler(Protocol):
    """Gathers what it wants from elements; `out` holds what is ready."""

    out: deque[object]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins; `name` is without its namespace's prefix."""

    def end(self, name: str) -> None:
        """An element ends."""

    def text(self, text: str) -> None:
        """A piece of text."""


def read(file: Packed, handler: Handler) -> Iterator[object]:
    """What the handler gathers, piece by piece. Raises Unreadable."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    depth = given = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise Unreadable(DAMAGED)
        handler.start(name.rpartition(":")[2], attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        handler.end(name.rpartition(":")[2])

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = handler.text
    parser.StartDoctypeDeclHandler = _refuse
    while True:
        with told():
            piece = file.read(PIECE)
        try:
            parser.Parse(piece, not piece)
        except expat.ExpatError as error:
            raise Unreadable(DAMAGED) from error
        given += len(piece)
        if given - parser.CurrentByteIndex > LONGEST:
            raise Unreadable(DAMAGED)
        while handler.out:
            yield handler.out.popleft()
        if not piece:
            return


def _refuse(*_: object) -> None:
    raise Unreadable(TRICKY)
