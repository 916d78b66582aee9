"""Excel's workbooks (ECMA-376, SpreadsheetML), row by row.

Texts that cells share are kept in a file beside a list of places, so that memory does not grow
with the workbook. Where an element is unknown it is passed over, as the standard asks.
"""

from __future__ import annotations

import re
import tempfile
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, cast

from app.contacts.formats import xml
from app.contacts.formats.archives import Archive
from app.contacts.formats.limits import (
    CELL_LENGTH,
    DAMAGED,
    MOST_COLUMNS,
    Cells,
    Rows,
    Source,
    Table,
    TooLarge,
    Unreadable,
)

MOST_TEXTS = 5_000_000
MOST_STYLES = 65_536
LAST_ROW = 1_048_576
#: Number formats that the standard knows by number and that show dates or times.
_DATE_FORMATS = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
_QUOTED = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")

Style = Callable[[float], str]


def source(archive: Archive, scratch: Path) -> Source:
    """The sheets that are shown; `scratch` is a folder for the time of reading."""
    workbook = _Workbook()
    _all(archive, "xl/workbook.xml", workbook)
    links = _Links()
    _all(archive, "xl/_rels/workbook.xml.rels", links)
    parts = [(name, links.targets.get(link, "")) for name, link in workbook.sheets]
    there = set(archive.names)
    reading = _Reading(archive, scratch, since_1904=workbook.since_1904)
    tables = [
        Table(name, lambda part=part: reading.rows(part))  # type: ignore[misc]
        for name, part in parts
        if part in there
    ]
    if not tables:
        raise Unreadable("There is no sheet with cells in this workbook.")
    return Source("xlsx", tables)


def _all(archive: Archive, part: str, handler: xml.Handler) -> None:
    if part in archive.names:
        with archive.open(part) as file:
            for _ in xml.read(file, handler):
                pass


class _Gatherer:
    """Does nothing with anything."""

    def __init__(self) -> None:
        self.out: deque[object] = deque()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        pass

    def end(self, name: str) -> None:
        pass

    def text(self, text: str) -> None:
        pass


class _Workbook(_Gatherer):
    """Names and links of the sheets."""

    def __init__(self) -> None:
        super().__init__()
        self.sheets: list[tuple[str, str]] = []
        self.since_1904 = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "workbookPr":
            self.since_1904 = attributes.get("date1904") in ("1", "true")
        elif name == "sheet" and attributes.get("state", "visible") == "visible":
            link = next((v for k, v in attributes.items() if k.rpartition(":")[2] == "id"), "")
            self.sheets.append((attributes.get("name", "")[:100], link))


class _Links(_Gatherer):
    """Which part of the file a link leads to."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: dict[str, str] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "Relationship":
            target = attributes.get("Target", "")
            whole = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            self.targets[attributes.get("Id", "")] = whole.replace("/./", "/")


class _Reading:
    """Texts and styles, read once, when the first sheet is."""

    def __init__(self, archive: Archive, scratch: Path, *, since_1904: bool) -> None:
        self._archive, self._scratch = archive, scratch
        self._epoch = datetime(1904, 1, 1) if since_1904 else datetime(1899, 12, 30)  # noqa: DTZ001
        self._texts: Texts | None = None
        self._styles: list[Style] = []

    def rows(self, part: str) -> Rows:
        """The rows of a sheet; blank ones where a row is not mentioned."""
        if self._texts is None:
            self._texts = self._read_texts()
            self._styles = self._read_styles()
        sheet = _Sheet(self._texts, self._styles)
        with self._archive.open(part) as file:
            last = 0
            for number, cells in cast(Iterator[tuple[int, Cells]], xml.read(file, sheet)):
                if number > LAST_ROW or number <= last:
                    raise Unreadable(DAMAGED)
                yield from ([] for _ in range(number - last - 1))
                yield cells
                last = number

    def _read_texts(self) -> Texts:
        own = tempfile.TemporaryFile(dir=self._scratch)  # noqa: SIM115  (closed with the archive)
        texts = Texts(self._archive.own(own))
        if "xl/sharedStrings.xml" in self._archive.names:
            with self._archive.open("xl/sharedStrings.xml") as file:
                for text in cast(Iterator[str], xml.read(file, _Shared())):
                    texts.add(text)
        return texts

    def _read_styles(self) -> list[Style]:
        styles = _Styles()
        _all(self._archive, "xl/styles.xml", styles)
        return [shown_as(styles.codes.get(n, ""), n, self._epoch) for n in styles.formats]


class Texts:
    """Texts by number, in a file without a name."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._ends = array("Q", [0])
        self._cache: dict[int, str] = {}

    def add(self, text: str) -> None:
        if len(self._ends) > MOST_TEXTS:
            raise TooLarge("The workbook holds more than five million different texts.")
        raw = text.encode("utf-8", "replace")
        self._file.write(raw)
        self._ends.append(self._ends[-1] + len(raw))

    def __getitem__(self, number: int) -> str:
        known = self._cache.get(number)
        if known is not None:
            return known
        if not 0 <= number < len(self._ends) - 1:
            raise Unreadable(DAMAGED)
        start, end = self._ends[number], self._ends[number + 1]
        self._file.seek(start)
        text = self._file.read(end - start).decode()
        if len(self._cache) > 20_000:
            self._cache.clear()
        if len(text) < 200:
            self._cache[number] = text
        return text


class _Shared(_Gatherer):
    """Shared texts, without the hints on how to speak them."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[str] = []
        self._length = 0
        self._listens = self._hinted = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "si":
            self._parts, self._length = [], 0
        elif name == "rPh":
            self._hinted = True
        elif name == "t":
            self._listens = not self._hinted

    def end(self, name: str) -> None:
        if name == "si":
            self.out.append(_unescaped("".join(self._parts)))
        elif name == "rPh":
            self._hinted = False
        elif name == "t":
            self._listens = False

    def text(self, text: str) -> None:
        if self._listens and self._length < CELL_LENGTH:
            self._parts.append(text)
            self._length += len(text)


class _Styles(_Gatherer):
    """The number format of each style of cells."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: dict[int, str] = {}
        self.formats: list[int] = []
        self._in_cells = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "cellXfs":
            self._in_cells = True
        elif name == "numFmt" and len(self.codes) < MOST_STYLES:
            self.codes[_whole(attributes.get("numFmtId"))] = attributes.get("formatCode", "")[:255]
        elif name == "xf" and self._in_cells and len(self.formats) < MOST_STYLES:
            self.formats.append(_whole(attributes.get("numFmtId")))

    def end(self, name: str) -> None:
        if name == "cellXfs":
            self._in_cells = False


class _Sheet(_Gatherer):
    """Rows with their numbers; a cell says where it stands, or stands beside the one before."""

    def __init__(self, texts: Texts, styles: list[Style]) -> None:
        super().__init__()
        self._texts, self._styles = texts, styles
        self._number = 0
        self._cells: Cells = []
        self._place, self._type, self._style = 0, "", 0
        self._parts: list[str] = []
        self._length = 0
        self._listens = self._hinted = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            self._start_cell(attributes)
        elif name in ("v", "t"):
            self._listens = not self._hinted
        elif name == "row":
            given = attributes.get("r")
            self._number = _whole(given) if given else self._number + 1
            self._cells, self._place = [], 0
        elif name == "rPh":
            self._hinted = True

    def end(self, name: str) -> None:
        if name == "c":
            if self._parts:
                self._put(self._value("".join(self._parts)))
            self._place += 1
        elif name in ("v", "t"):
            self._listens = False
        elif name == "row":
            self.out.append((self._number, self._cells))
        elif name == "rPh":
            self._hinted = False

    def text(self, text: str) -> None:
        if self._listens and self._length < CELL_LENGTH:
            self._parts.append(text)
            self._length += len(text)

    def _start_cell(self, attributes: dict[str, str]) -> None:
        if place := attributes.get("r"):
            self._place = _column(place)
        self._type, self._style = attributes.get("t", "n"), _whole(attributes.get("s"))
        self._parts, self._length = [], 0

    def _put(self, value: str) -> None:
        if not value:
            return
        if self._place >= MOST_COLUMNS:
            raise Unreadable(f"The file has more than {MOST_COLUMNS} columns.")
        if len(self._cells) <= self._place:
            self._cells.extend([""] * (self._place + 1 - len(self._cells)))
        self._cells[self._place] = value

    def _value(self, text: str) -> str:
        if self._type == "s":
            return self._texts[_whole(text)]
        if self._type == "b":
            return "yes" if text.strip() == "1" else "no"
        if self._type == "d":
            return _moment(text)
        if self._type != "n":
            return _unescaped(text)
        return self._number_text(text.strip())

    def _number_text(self, text: str) -> str:
        try:
            value = float(text)
        except ValueError:
            return text
        if 0 <= self._style < len(self._styles):
            return self._styles[self._style](value)
        return plain(value)


def _whole(text: str | None) -> int:
    try:
        return int(text or 0)
    except ValueError:
        raise Unreadable(DAMAGED) from None


def _column(place: str) -> int:
    """BC12 → 54."""
    number = 0
    for char in place[:4]:
        if not "A" <= char <= "Z":
            break
        number = number * 26 + ord(char) - 64
    return number - 1 if number else MOST_COLUMNS


def _unescaped(text: str) -> str:
    if "_x" not in text:
        return text
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def plain(value: float) -> str:
    """A number as a spreadsheet shows it: 15 digits, whole ones without a point."""
    if value == int(value) if abs(value) < 1e15 else False:
        return str(int(value))
    return f"{value:.15g}"


def _moment(text: str) -> str:
    """2025-12-31T00:00:00 → 2025-12-31."""
    return text.replace("T", " ").removesuffix(" 00:00:00").removesuffix(" 00:00")


def shown_as(code: str, number: int, epoch: datetime) -> Style:
    """How numbers with a format are written: dates as such, 00000 with its zeros."""
    bare = _QUOTED.sub("", code.partition(";")[0]).lower()
    if number in _DATE_FORMATS or (bare != "general" and re.search(r"[ymdhs]", bare)):
        return lambda value: _as_date(value, epoch)
    if code and set(code) == {"0"}:
        return lambda value: plain(value).zfill(len(code))
    return plain


def _as_date(value: float, epoch: datetime) -> str:
    if not 0 <= value < 2_958_466:
        return plain(value)
    try:
        moment = epoch + timedelta(seconds=round(value * 86_400))
    except OverflowError:
        return plain(value)  # the last years of the calendar that begins in 1904
    if value < 1:
        return moment.strftime("%H:%M:%S")
    return _moment(moment.isoformat(" "))
