"""How much a file may hold, and the words for what it may not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from app.core.errors import DomainError, Invalid

#: Of a file as it comes, and of what it becomes.
LIMIT_BYTES = 1 << 30
MOST_COLUMNS = 500
MOST_ROWS = 5_000_000
#: Of one cell: far more than any field takes, so that nothing is cut that could have been kept.
CELL_LENGTH = 100_000

DAMAGED = "This spreadsheet or zip file is damaged. Save it again and upload the new one."


class Unreadable(Invalid):
    """Not a file of contacts at all."""


class TooLarge(DomainError):
    """More than an import takes."""

    status = 413

    def __init__(self, words: str = "The file is larger than 1 GB.") -> None:
        super().__init__(f"{words} Split it and import the parts.")


Cells = list[str]
Rows = Iterator[Cells]


@dataclass(frozen=True)
class Table:
    """Rows under one name; `rows()` begins at the first one each time."""

    name: str
    rows: Callable[[], Rows]


@dataclass(frozen=True)
class Source:
    """What a file holds: its tables, and the parts that are none of contacts."""

    kind: str
    tables: list[Table]
    left_out: tuple[str, ...] = ()
