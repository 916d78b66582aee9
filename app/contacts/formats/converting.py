"""From any format to the one CSV that imports read and resume.

One table is kept row by row, so that a row has the number that its spreadsheet shows. Several, of
the sheets of a workbook or the files of a zip, become one with all their columns.
"""

from __future__ import annotations

import csv
import itertools
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.contacts import mapping
from app.contacts.formats import bundles, cards, compound, ods, tables, xls, xlsx
from app.contacts.formats.archives import Archive
from app.contacts.formats.limits import (
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

#: Rows of a table in which a mail address must stand for it to be one of contacts.
LOOKED_AT_ROWS = 500
#: What is turned while a person waits; the rest in the background.
QUICK_BYTES, QUICK_UNPACKED_BYTES, QUICK_ROWS = 8 << 20, 24 << 20, 200_000
#: Line ends in one cell that the importer takes for one record.
MOST_LINES = 90
KINDS = {
    "xlsx": "an Excel workbook",
    "xls": "an Excel workbook of before 2007",
    "ods": "an OpenDocument spreadsheet",
    "vcard": "address cards (vCard)",
    "zip": "a zip file",
}
_NOT_CELLS = {
    "word/document.xml": "This is a text document. Copy its table into a spreadsheet.",
    "xl/workbook.bin": "This is a binary workbook. Save it as .xlsx and upload that.",
    "Index/Document.iwa": "This is a Numbers document. Export it as CSV or .xlsx.",
    "ppt/presentation.xml": "This is a presentation. Copy its table into a spreadsheet.",
}
#: What the names of exported files say about everybody in them.
_SAID_BY_NAME = re.compile(
    r"(?:^|[^a-z])(unsubscribed|cleaned|nonsubscribed|bounced|unconfirmed|blocklisted)",
    re.IGNORECASE,
)
FILE_TITLE, STATUS_TITLE = "Source file", "Member status"

Beat = Callable[[], None]


class Slow(Exception):
    """More rows came out than a person should wait for."""


def kind_of(beginning: bytes) -> str:
    """text, vcard, packed (a spreadsheet or a zip) or compound (an old workbook), by the first
    bytes."""
    if beginning.startswith(compound.MAGIC):
        return "compound"
    if beginning.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "packed"
    return "vcard" if cards.is_card(beginning) else "text"


def is_quick(path: Path, kind: str) -> bool:
    """Whether it is turned within a second or two. Raises Unreadable, TooLarge."""
    if kind != "packed":
        return path.stat().st_size <= QUICK_BYTES
    archive = Archive(path)
    try:
        is_small = archive.unpacked_bytes <= QUICK_UNPACKED_BYTES
    finally:
        archive.close()
    return is_small and path.stat().st_size <= QUICK_BYTES


def convert(
    path: Path, target: Path, *, beat: Beat = lambda: None, quick: bool = False
) -> dict[str, Any]:
    """Write the rows of a file as CSV; returns the dialect of `target`, with what it came from.

    The dialect is that of `tables.look_at`, with {kind, tables, left_out} beside it. `beat` is
    called often, for callers who show that they are alive; `quick` gives up with Slow where it
    takes longer than a person waits. Raises Unreadable, TooLarge, OSError.
    """
    scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix="reading-"))
    try:
        with _opened(path, scratch, beat) as source:
            kept = _of_contacts(source)
            with _Writer(target, beat, quick=quick) as out:
                out.rows(kept[0].rows() if len(kept) == 1 else _as_one(kept))
            if not out.has_address:
                raise Unreadable(f"There is no mail address in it: it is {KINDS[source.kind]}.")
            names = [table.name for table in kept if table.name]
            left = [table.name for table in source.tables if table not in kept and table.name]
            dialect = tables.look_at(target, "utf-8", delimiter=",")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    left_out = [*left, *source.left_out][:50]
    return {**dialect, "kind": source.kind, "tables": names[:50], "left_out": left_out}


@dataclass
class _opened:  # noqa: N801  (a context manager, used like a function)
    """The source that a file holds, for a while."""

    path: Path
    scratch: Path
    beat: Beat

    def __enter__(self) -> Source:
        self._archives: list[Archive] = []
        self._others = ExitStack()
        try:
            return self._read(self.path, "", outermost=True)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        for archive in self._archives:
            archive.close()
        self._others.close()

    def _read(self, path: Path, name: str, *, outermost: bool = False) -> Source:
        with path.open("rb") as file:
            kind = kind_of(file.read(64))
        if kind == "compound":
            return xls.source(path, self.scratch, self._others)
        if kind != "packed":
            return (
                cards.source(path, tables.encoding_of(path)) if outermost else tables.source(path)
            )
        archive = Archive(path, self.beat)
        self._archives.append(archive)
        return self._read_packed(archive, name, outermost=outermost)

    def _read_packed(self, archive: Archive, name: str, *, outermost: bool) -> Source:
        names = set(archive.names)
        if "xl/workbook.xml" in names:
            return xlsx.source(archive, self.scratch)
        if ods.PART in names and b"opendocument.spreadsheet" in _mimetype(archive):
            return ods.source(archive)
        for part, advice in _NOT_CELLS.items():
            if part in names:
                raise Unreadable(advice)
        if ods.PART in names and "mimetype" in names:
            raise Unreadable("This is a text document. Copy its table into a spreadsheet.")
        if not outermost:
            raise Unreadable(f"{name} is a zip file inside of the zip file. Unpack it first.")
        return bundles.source(archive, self.scratch, self._read)


def _mimetype(archive: Archive) -> bytes:
    return archive.start_of("mimetype", 200) if "mimetype" in archive.names else b""


def _of_contacts(source: Source) -> list[Table]:
    """The tables in which somebody's address stands."""
    if len(source.tables) == 1:
        return source.tables
    kept = [table for table in source.tables if _has_address(table)]
    if not kept:
        raise Unreadable("There is no mail address in this file.")
    return kept


def _has_address(table: Table) -> bool:
    rows = itertools.islice(table.rows(), LOOKED_AT_ROWS)
    return any("@" in cell for cells in rows for cell in cells)


class _Writer:
    """Writes rows within the limits."""

    def __init__(self, path: Path, beat: Beat, *, quick: bool) -> None:
        self._path, self._beat, self._quick = path, beat, quick
        self._size = self._count = 0
        self.has_address = False

    def __enter__(self) -> _Writer:
        self._file = self._path.open("x", newline="", encoding="utf-8", errors="replace")
        self._path.chmod(0o600)
        self._csv = csv.writer(self._file, lineterminator="\n")
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def rows(self, rows: Rows) -> None:
        """All of them. Raises TooLarge."""
        for cells in rows:
            self._count += 1
            self._size += sum(map(len, cells)) + len(cells) + 1
            if self._quick and (self._count > QUICK_ROWS or self._size > QUICK_UNPACKED_BYTES):
                raise Slow
            if self._size > LIMIT_BYTES:
                raise TooLarge("As a table, the file is larger than 1 GB.")
            if self._count > MOST_ROWS:
                raise TooLarge("The file has more than five million rows.")
            if self._count % 500 == 0:
                self._beat()
            if any(cells):
                self._csv.writerow([_calm(cell) for cell in cells])
                self.has_address = self.has_address or "@" in "".join(cells)
            else:
                self._file.write("\n")


def _calm(cell: str) -> str:
    """A cell whose line ends are ours and not too many."""
    if "\n" not in cell and "\r" not in cell:
        return cell
    lines = cell.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(lines[:MOST_LINES]) + "".join(f" {line}" for line in lines[MOST_LINES:])


@dataclass
class _Part:
    """A table with its titles, and where its columns stand in the whole."""

    table: Table
    titles: Cells
    skipped: int
    """Rows above its first row of people."""
    places: list[int]


def _as_one(found: Sequence[Table]) -> Rows:
    """The rows of several tables under the titles of all of them."""
    whole: list[str] = []
    known: dict[tuple[str, int], int] = {}
    parts = [_part(table) for table in found]
    for part in parts:
        part.places = [_place(key, title, whole, known) for key, title in _keys(part.titles)]
    if len(whole) > MOST_COLUMNS - 2:
        raise Unreadable(f"The files have more than {MOST_COLUMNS} different columns.")
    says = [_SAID_BY_NAME.search(part.table.name) for part in parts]
    extra = [FILE_TITLE, STATUS_TITLE] if any(says) else [FILE_TITLE]
    yield [*whole, *extra]
    for part, said in zip(parts, says, strict=True):
        tail = [part.table.name, said[1].lower() if said else ""][: len(extra)]
        yield from _moved(part, len(whole), tail)


def _moved(part: _Part, width: int, tail: Cells) -> Rows:
    """The rows of one part in the order of the whole; a cell too many stays behind the others."""
    for cells in itertools.islice(part.table.rows(), part.skipped, None):
        if not any(cells):
            continue
        row = [""] * width
        for place, cell in zip(part.places, cells, strict=False):
            row[place] = cell
        yield [*row, *tail, *cells[len(part.places) :]]


def _part(table: Table) -> _Part:
    top = list(itertools.islice(table.rows(), tables.TOP_ROWS * 5))
    filled = [place for place, cells in enumerate(top) if any(cells)]
    first = filled[tables.place_of_titles([top[place] for place in filled])]
    if mapping.is_header(top[first]):
        return _Part(table, tables.titles(top[first]), first + 1, [])
    names = tables.unnamed(max(len(cells) for cells in top))
    with_address = next(
        (place for cells in top for place, cell in enumerate(cells) if "@" in cell), 0
    )
    names[with_address] = "Email"
    return _Part(table, names, first, [])


def _keys(titles: Cells) -> Iterator[tuple[tuple[str, int], str]]:
    """What makes two columns the same: their title, and which of its kind it is."""
    times: dict[str, int] = {}
    for title in titles:
        word = mapping.fold(title) or title
        if word in mapping.TITLES["email"]:
            word = "email"
        times[word] = times.get(word, 0) + 1
        yield (word, times[word]), title


def _place(
    key: tuple[str, int], title: str, whole: list[str], known: dict[tuple[str, int], int]
) -> int:
    if key not in known:
        known[key] = len(whole)
        whole.append(title)
    return known[key]
