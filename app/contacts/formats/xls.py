"""Excel's workbooks before 2007 (MS-XLS: BIFF8, and BIFF5 of Excel 95), row by row.

The stream of records is copied out of the compound file once; texts that cells share lie in a
file beside it, so that memory does not grow with the workbook. Unknown records are passed over.
"""

from __future__ import annotations

import codecs
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from app.contacts.formats.compound import Compound
from app.contacts.formats.limits import CELL_LENGTH, DAMAGED, Cells, Rows, Source, Table, Unreadable
from app.contacts.formats.xlsx import MOST_STYLES, Style, Texts, plain, shown_as

BOF, EOF, CONTINUE = 0x0809, 0x000A, 0x003C
FILEPASS, CODEPAGE, DATEMODE = 0x002F, 0x0042, 0x0022
BOUNDSHEET, FORMAT, XF, SST = 0x0085, 0x041E, 0x00E0, 0x00FC
LABELSST, LABEL, RSTRING, NUMBER = 0x00FD, 0x0204, 0x00D6, 0x0203
RK, MULRK, FORMULA, STRING, BOOLERR = 0x027E, 0x00BD, 0x0006, 0x0207, 0x0205
BIFF8, BIFF5 = 0x0600, 0x0500
MOST_SHEETS = 1_000
#: What else lies in compound files, by a name in them.
OTHERS = {
    "WordDocument": "This is a text document. Copy its table into a spreadsheet.",
    "PowerPoint Document": "This is a presentation. Copy its table into a spreadsheet.",
    "__properties_version1.0": "This is a mail. Copy the addresses and paste them.",
    "EncryptedPackage": "This file has a password. Save it without one and upload that.",
}

Record = tuple[int, bytes]


def source(path: Path, scratch: Path, closing: ExitStack) -> Source:
    """The sheets that are shown. Raises Unreadable."""
    stream: IO[bytes] = closing.enter_context(_own(scratch))
    compound = Compound(path)
    try:
        compound.copy(_stream_in(compound), stream)
    finally:
        compound.close()
    book = _Book(closing.enter_context(_own(scratch)))
    try:
        book.read(stream)
    except (struct.error, IndexError, LookupError):
        raise Unreadable(DAMAGED) from None
    tables = [
        Table(name, lambda at=at: book.rows(stream, at))  # type: ignore[misc]
        for name, at in book.sheets
    ]
    if not tables:
        raise Unreadable("There is no sheet with cells in this workbook.")
    return Source("xls", tables)


def _own(scratch: Path) -> Any:
    """A file without a name."""
    return tempfile.TemporaryFile(dir=scratch)


def _stream_in(compound: Compound) -> str:
    by_name = {name.lower(): name for name in compound.names}
    for name in ("workbook", "book"):
        if name in by_name:
            return by_name[name]
    for name, advice in OTHERS.items():
        if name.lower() in by_name:
            raise Unreadable(advice)
    raise Unreadable("This is an old office file without a table. Save it as .xlsx or CSV.")


def _records(stream: IO[bytes], at: int) -> Iterator[Record]:
    """From a place on, to the end of what begins there; charts inside of sheets are passed over."""
    depth = 0
    while True:
        stream.seek(at)
        head = stream.read(4)
        if len(head) < 4:
            return
        kind, length = struct.unpack("<HH", head)
        body = stream.read(length)
        at += 4 + length
        depth += (kind == BOF) - (kind == EOF)
        if depth <= 0 and kind == EOF:
            return
        if depth == 1:
            yield kind, body


@dataclass
class _Pieces:
    """A record with those that continue it, from which texts are cut."""

    more: Iterator[bytes]
    piece: bytes
    at: int = 0

    def take(self, length: int) -> bytes:
        """So many bytes, over the ends of pieces. Raises Unreadable."""
        found = b""
        while len(found) < length:
            if self.at >= len(self.piece):
                self._next()
            part = self.piece[self.at : self.at + length - len(found)]
            self.at += len(part)
            found += part
        return found

    def skip(self, length: int) -> None:
        """Pass over so many bytes."""
        while length:
            step = min(length, 65_536)
            self.take(step)
            length -= step

    def letters(self, count: int, *, wide: bool) -> str:
        """So many letters: each piece says anew in its first byte how wide they are."""
        found: list[str] = []
        while count:
            if self.at >= len(self.piece):
                self._next()
                wide = bool(self.take(1)[0] & 1)
            width = 2 if wide else 1
            here = min(count, (len(self.piece) - self.at) // width)
            if not here:
                self.at = len(self.piece)
                continue
            raw = self.take(here * width)
            found.append(raw.decode("utf-16-le" if wide else "latin-1", "replace"))
            count -= here
        return "".join(found)

    def text(self) -> str:
        """A text with its length and marks before it; formats and hints behind it are left."""
        count, marks = struct.unpack("<HB", self.take(3))
        runs = struct.unpack("<H", self.take(2))[0] if marks & 8 else 0
        hints = struct.unpack("<I", self.take(4))[0] if marks & 4 else 0
        found = self.letters(count, wide=bool(marks & 1))
        self.skip(runs * 4 + hints)
        return found

    def _next(self) -> None:
        piece = next(self.more, None)
        if piece is None:
            raise Unreadable(DAMAGED)
        self.piece, self.at = piece, 0


class _Book:
    """What stands before the sheets: their names, shared texts, how numbers are shown."""

    def __init__(self, texts: IO[bytes]) -> None:
        self.sheets: list[tuple[str, int]] = []
        self.texts = Texts(texts)
        self.styles: list[Style] = []
        self.is_old = False
        self.encoding = "cp1252"
        self._codes: dict[int, str] = {}
        self._formats: list[int] = []
        self._since_1904 = False

    def read(self, stream: IO[bytes]) -> None:
        """Raises Unreadable, struct.error."""
        records = _grouped(_records(stream, 0))
        kind, pieces = next(records, (0, _Pieces(iter(()), b"")))
        version = struct.unpack_from("<H", pieces.piece)[0] if kind == BOF else 0
        if version not in (BIFF8, BIFF5):
            raise Unreadable("This workbook is older than Excel 95. Save it as .xlsx or CSV.")
        self.is_old = version == BIFF5
        for kind, pieces in records:
            if kind == FILEPASS:
                raise Unreadable(OTHERS["EncryptedPackage"])
            if take := _TAKERS.get(kind):
                take(self, pieces)
        start = datetime(1904, 1, 1) if self._since_1904 else datetime(1899, 12, 30)  # noqa: DTZ001
        codes = self._codes
        self.styles = [shown_as(codes.get(one, ""), one, start) for one in self._formats]

    def rows(self, stream: IO[bytes], at: int) -> Rows:
        """The rows of a sheet; blank ones where a row is not mentioned."""
        sheet, last = _Sheet(self), -1
        try:
            for number, cells in sheet.rows(_grouped(_records(stream, at))):
                if number <= last:
                    raise Unreadable(DAMAGED)
                yield from ([] for _ in range(number - last - 1))
                yield cells
                last = number
        except (struct.error, IndexError):
            raise Unreadable(DAMAGED) from None

    def short_text(self, pieces: _Pieces) -> str:
        """With one byte for the length: names of sheets."""
        length = pieces.take(1)[0]
        if self.is_old:
            return pieces.take(length).decode(self.encoding, "replace")
        return pieces.letters(length, wide=bool(pieces.take(1)[0] & 1))

    def cell_text(self, pieces: _Pieces) -> str:
        """Of a cell that has its text by itself."""
        if self.is_old:
            length = struct.unpack("<H", pieces.take(2))[0]
            return pieces.take(length).decode(self.encoding, "replace")
        return pieces.text()

    def _add_sheet(self, pieces: _Pieces) -> None:
        at, hidden, kind = struct.unpack("<IBB", pieces.take(6))
        if not hidden & 3 and not kind and len(self.sheets) < MOST_SHEETS:
            self.sheets.append((self.short_text(pieces)[:100], at))

    def _add_code(self, pieces: _Pieces) -> None:
        number = struct.unpack("<H", pieces.take(2))[0]
        if len(self._codes) < MOST_STYLES:
            code = self.short_text(pieces) if self.is_old else pieces.text()
            self._codes[number] = code[:255]

    def _add_format(self, pieces: _Pieces) -> None:
        if len(self._formats) < MOST_STYLES:
            self._formats.append(struct.unpack_from("<H", pieces.piece, 2)[0])

    def _add_texts(self, pieces: _Pieces) -> None:
        number = struct.unpack("<4xI", pieces.take(8))[0]
        with suppress(Unreadable):  # fewer than it says: a cell that asks for a missing one tells
            for _ in range(number):
                self.texts.add(pieces.text())

    def _set_encoding(self, pieces: _Pieces) -> None:
        page = struct.unpack("<H", pieces.take(2))[0]
        name = {10000: "mac_roman", 32768: "mac_roman", 32769: "cp1252"}.get(page, f"cp{page}")
        try:
            codecs.lookup(name)
        except LookupError:
            return
        self.encoding = name

    def _set_start(self, pieces: _Pieces) -> None:
        self._since_1904 = pieces.take(2) == b"\1\0"


_TAKERS: dict[int, Callable[[_Book, _Pieces], None]] = {
    BOUNDSHEET: _Book._add_sheet,
    FORMAT: _Book._add_code,
    XF: _Book._add_format,
    SST: _Book._add_texts,
    CODEPAGE: _Book._set_encoding,
    DATEMODE: _Book._set_start,
}


def _grouped(records: Iterator[Record]) -> Iterator[tuple[int, _Pieces]]:
    """Each record with what continues it, which is read when it is asked for."""
    waiting: list[Record] = []

    def more() -> Iterator[bytes]:
        for kind, body in records:
            if kind != CONTINUE:
                waiting.append((kind, body))
                return
            yield body

    while True:
        record = waiting.pop() if waiting else next(records, None)
        if record is None:
            return
        pieces = _Pieces(more(), record[1])
        if record[0] != CONTINUE:
            yield record[0], pieces
        for _ in pieces.more:
            pass  # what nobody asked for


@dataclass
class _Sheet:
    """Rows of one sheet from its records."""

    book: _Book
    cells: Cells = field(default_factory=list)
    number: int = -1
    asked: tuple[int, int] | None = None
    """Row and column of a formula whose text comes in the next record."""

    def rows(self, records: Iterator[tuple[int, _Pieces]]) -> Iterator[tuple[int, Cells]]:
        """Each row that has something, with its number from 0."""
        for kind, pieces in records:
            for row, column, value in self._values(kind, pieces):
                if row != self.number:
                    if self.cells:
                        yield self.number, self.cells
                    self.number, self.cells = row, []
                if value:
                    self.cells.extend([""] * (column + 1 - len(self.cells)))
                    self.cells[column] = value[:CELL_LENGTH]
        if self.cells:
            yield self.number, self.cells

    def _values(self, kind: int, pieces: _Pieces) -> Iterator[tuple[int, int, str]]:
        """Row, column and text of the cells in a record."""
        if kind == STRING:
            if self.asked:
                yield (*self.asked, self.book.cell_text(pieces))
                self.asked = None
        elif kind == MULRK:
            yield from self._many(pieces.piece)
        elif kind in _CELLS:
            row, column, style = struct.unpack("<HHH", pieces.take(6))
            yield row, column, self._value(kind, pieces, (row, column), style)

    def _value(self, kind: int, pieces: _Pieces, place: tuple[int, int], style: int) -> str:
        if kind == LABELSST:
            return self.book.texts[struct.unpack("<I", pieces.take(4))[0]]
        if kind in (LABEL, RSTRING):
            return self.book.cell_text(pieces)
        if kind == RK:
            return self._shown(_rk(pieces.take(4)), style)
        if kind == BOOLERR:
            value, is_error = pieces.take(2)
            return "" if is_error else _word(value)
        raw = pieces.take(8)
        if kind == FORMULA and raw[6:] == b"\xff\xff":
            self.asked = place if raw[0] == 0 else None
            return _word(raw[2]) if raw[0] == 1 else ""
        return self._shown(struct.unpack("<d", raw)[0], style)

    def _many(self, raw: bytes) -> Iterator[tuple[int, int, str]]:
        row, first = struct.unpack_from("<HH", raw)
        for place in range((len(raw) - 6) // 6):
            style = struct.unpack_from("<H", raw, 4 + 6 * place)[0]
            value = _rk(raw[6 + 6 * place : 10 + 6 * place])
            yield row, first + place, self._shown(value, style)

    def _shown(self, value: float, style: int) -> str:
        if value != value or value in (float("inf"), float("-inf")):
            return ""
        styles = self.book.styles
        return styles[style](value) if style < len(styles) else plain(value)


_CELLS = {LABELSST, LABEL, RSTRING, NUMBER, RK, FORMULA, BOOLERR}


def _word(value: int) -> str:
    return "yes" if value else "no"


def _rk(raw: bytes) -> float:
    """A number in four bytes: a whole one or the upper half of a float, perhaps in hundredths."""
    bits = int(struct.unpack("<i", raw)[0])
    if bits & 2:
        value = float(bits >> 2)
    else:
        value = float(struct.unpack("<d", struct.pack("<ii", 0, bits & ~3))[0])
    return value / 100 if bits & 1 else value
