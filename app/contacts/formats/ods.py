"""OpenDocument spreadsheets (ISO/IEC 26300), row by row."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import cast

from app.contacts.formats import xml
from app.contacts.formats.archives import Archive
from app.contacts.formats.limits import (
    CELL_LENGTH,
    DAMAGED,
    LIMIT_BYTES,
    MOST_COLUMNS,
    MOST_ROWS,
    Cells,
    Rows,
    Source,
    Table,
    TooLarge,
    Unreadable,
)
from app.contacts.formats.xlsx import plain

PART = "content.xml"
MOST_SHEETS = 1_000


def source(archive: Archive) -> Source:
    """Its sheets."""
    names: list[str] = []
    with archive.open(PART) as file:
        for name in cast(Iterator[str], xml.read(file, _Names())):
            names.append(name)
            if len(names) > MOST_SHEETS:
                raise Unreadable(DAMAGED)
    tables = [
        Table(name, lambda place=place: _rows(archive, place))  # type: ignore[misc]
        for place, name in enumerate(names)
    ]
    if not tables:
        raise Unreadable("There is no sheet with cells in this document.")
    return Source("ods", tables)


def _rows(archive: Archive, place: int) -> Rows:
    """The rows of one sheet. A repeated row is given as often as it is there; blank ones behind
    the last one that holds something are not."""
    blank = 0
    with archive.open(PART) as file:
        for times, cells in cast(Iterator[tuple[int, Cells]], xml.read(file, _Sheet(place))):
            if not cells:
                blank += times
                continue
            # Said before anything is written: a few bytes can ask for a thousand million rows.
            if blank + times > MOST_ROWS or times * sum(map(len, cells)) > LIMIT_BYTES:
                raise TooLarge("Written out, the repeated rows of this document are too many.")
            yield from ([] for _ in range(blank))
            blank = 0
            for _ in range(times):
                yield list(cells)


class _Names:
    """The names of the sheets."""

    def __init__(self) -> None:
        self.out: deque[object] = deque()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "table":
            self.out.append(attributes.get("table:name", "")[:100])

    def end(self, name: str) -> None:
        pass

    def text(self, text: str) -> None:
        pass


class _Sheet:
    """Rows of one sheet, each with how often it stands there."""

    def __init__(self, place: int) -> None:
        self.out: deque[object] = deque()
        self._before, self._here = place + 1, False
        self._times, self._cells = 1, cast(Cells, [])
        self._place, self._wide, self._value = 0, 1, ""
        self._parts: list[str] = []
        self._length = self._aside = self._lines = 0
        self._in_cell = self._listens = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "table":
            self._before -= 1
            self._here = self._before == 0
        elif not self._here:
            return
        elif name in ("table-cell", "covered-table-cell"):
            self._start_cell(attributes)
        elif name == "table-row":
            self._times = _count(attributes.get("table:number-rows-repeated"))
            self._cells, self._place = [], 0
        elif name == "annotation":
            self._aside += 1
        elif self._in_cell:
            self._start_text(name, attributes)

    def end(self, name: str) -> None:
        if name == "table":
            self._here = False
        elif not self._here:
            return
        elif name in ("table-cell", "covered-table-cell"):
            self._end_cell()
        elif name == "table-row":
            self.out.append((self._times, self._cells))
        elif name == "annotation":
            self._aside -= 1
        elif name == "p":
            self._listens = False

    def text(self, text: str) -> None:
        if self._listens and not self._aside and self._length < CELL_LENGTH:
            self._parts.append(text)
            self._length += len(text)

    def _start_cell(self, attributes: dict[str, str]) -> None:
        self._wide = _count(attributes.get("table:number-columns-repeated"))
        self._value = _given(attributes)
        self._parts, self._length, self._lines = [], 0, 0
        self._in_cell = True

    def _start_text(self, name: str, attributes: dict[str, str]) -> None:
        if name == "p" and not self._aside:
            self._listens = True
            self._lines += 1
            if self._lines > 1:
                self.text("\n")
        elif name == "s":
            self.text(" " * min(_count(attributes.get("text:c")), 100))
        elif name == "tab":
            self.text("\t")
        elif name == "line-break":
            self.text("\n")

    def _end_cell(self) -> None:
        shown = "".join(self._parts)
        # Postcodes and telephone numbers are shown with zeros that their number has not.
        value = shown if shown.isdigit() else self._value or shown
        if value:
            if self._place + self._wide > MOST_COLUMNS:
                raise Unreadable(f"The file has more than {MOST_COLUMNS} columns.")
            self._cells.extend([""] * (self._place - len(self._cells)) + [value] * self._wide)
        self._place += self._wide
        self._in_cell = False


def _count(text: str | None) -> int:
    try:
        return max(1, int(text or 1))
    except ValueError:
        raise Unreadable(DAMAGED) from None


def _given(attributes: dict[str, str]) -> str:
    """The value behind what is shown, where a cell has one."""
    kind = attributes.get("office:value-type")
    if kind == "date":
        moment = attributes.get("office:date-value", "")
        return moment.replace("T", " ").removesuffix(" 00:00:00")
    if kind == "boolean":
        return "yes" if attributes.get("office:boolean-value") == "true" else "no"
    if kind in ("float", "currency", "percentage"):
        try:
            return plain(float(attributes.get("office:value", "")))
        except ValueError:
            return ""
    return ""
