"""Text files with tables: their letters, their delimiter, their titles."""

from __future__ import annotations

import codecs
import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from app.contacts import letters, mapping
from app.contacts.formats import cards
from app.contacts.formats.limits import MOST_COLUMNS, Cells, Source, Table, Unreadable
from app.contacts.formats.limits import Rows as Stream
from app.contacts.reading import Rows, start_of
from app.contacts.text import clean_line, mask_card_numbers

LOOKED_AT = 256 * 1024
DELIMITERS = ",;\t|"
#: Rows at the top of a file among which the titles are looked for.
TOP_ROWS = 10
#: Beginnings of files that are something else, with what to do.
OTHERS = {
    b"%PDF": "This is a PDF. Export the contacts as CSV from the program they are in.",
    b"\x1f\x8b": "This file is packed. Unpack it and upload what is in it.",
    b"7z\xbc\xaf": "This file is packed. Unpack it and upload what is in it.",
    b"Rar!": "This file is packed. Unpack it and upload what is in it.",
    b"{\\rtf": "This is a text document. Save the table as CSV.",
    b"<": "This is a web page or an XML file. Export the contacts as CSV.",
}


def refuse_others(head: bytes) -> None:
    """Raises Unreadable for what is surely no text with a table."""
    if not head.strip():
        raise Unreadable("The file is empty.")
    beginning = head.removeprefix(codecs.BOM_UTF8).lstrip()
    for magic, advice in OTHERS.items():
        # Addresses may be written as <ann@example.com>.
        if beginning[: len(magic)].upper() == magic.upper() and not re.match(
            rb"<[^<>\s]+@[^<>\s]+>", beginning
        ):
            raise Unreadable(advice)
    if not wide_encoding(head):
        odd = sum(head.count(bytes([code])) for code in range(32) if code not in (9, 10, 13))
        if odd > len(head) * 0.1:
            raise Unreadable("This is not a text file. Export the contacts as CSV.")


def as_lines(chunks: Iterator[bytes], head: bytes) -> Iterator[bytes]:
    """The same text in which a line ends at a byte: UTF-16 as UTF-8, older Macs' ends as ours."""
    encoding = wide_encoding(head)
    if encoding:
        return _transcoded(chunks, encoding)
    if b"\r" in head and b"\n" not in head:
        return (chunk.replace(b"\r", b"\n") for chunk in chunks)
    return chunks


def _transcoded(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


def wide_encoding(head: bytes) -> str:
    """The kind of UTF-16; empty for texts of single bytes."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    pairs = head[: len(head) // 2 * 2]
    if len(pairs) >= 8:
        if pairs[1::2].count(0) > len(pairs) // 2 * 0.7:
            return "utf-16-le"
        if pairs[0::2].count(0) > len(pairs) // 2 * 0.7:
            return "utf-16-be"
    return ""


def encoding_of(path: Path) -> str:
    """The encoding of a text file, guessed from its beginning."""
    with path.open("rb") as file:
        return letters.guess(_whole_lines(file.read(LOOKED_AT)))


def _whole_lines(head: bytes) -> bytes:
    return head if len(head) < LOOKED_AT else head[: head.rfind(b"\n") + 1] or head


def look_at(path: Path, encoding: str = "", *, delimiter: str = "") -> dict[str, Any]:
    """{encoding, delimiter, header, start, before, columns}; raises Unreadable.

    What is not given is guessed. `start` is the byte at which the titles begin and `before` the
    number of records above them: spreadsheets often have a heading there.
    """
    with path.open("rb") as file:
        head = file.read(LOOKED_AT)
    whole = _whole_lines(head)
    encoding = encoding or letters.guess(whole)
    start, given = start_of(whole, encoding)
    lines = whole[start:].decode(encoding, "replace").splitlines(keepends=True)
    dialect: dict[str, Any] = {
        "encoding": encoding,
        "delimiter": delimiter or given or _delimiter(lines),
        "start": start,
    }
    first = _find_titles(path, dialect)
    if len(first) > MOST_COLUMNS:
        raise Unreadable(f"The file has more than {MOST_COLUMNS} columns.")
    dialect["header"] = mapping.is_header(first)
    dialect["columns"] = titles(first) if dialect["header"] else unnamed(len(first))
    if not dialect["header"] and b"@" not in head:
        raise Unreadable("There is no mail address in this file.")
    return dialect


def titles(cells: Sequence[str]) -> list[str]:
    """Titles of columns as they can be shown and kept."""
    return [
        mask_card_numbers(clean_line(cell, 100)) or f"Column {place}"
        for place, cell in enumerate(cells, 1)
    ]


def unnamed(width: int) -> list[str]:
    """Titles of columns that have none."""
    return [f"Column {place}" for place in range(1, width + 1)]


def _find_titles(path: Path, dialect: dict[str, Any]) -> Cells:
    """The row of titles, or the first one; says in the dialect where reading begins."""
    found: list[tuple[int, int, Cells]] = []
    with Rows(path, dialect) as rows:
        at, before = rows.offset, 0
        for row in rows:
            if row.cells:
                found.append((at, before, row.cells))
            at, before = rows.offset, rows.number
            if len(found) == TOP_ROWS:
                break
    place = place_of_titles([cells for _, _, cells in found])
    if place:
        dialect["start"], dialect["before"], _ = found[place]
    return found[place][2] if found else []


def place_of_titles(rows: Sequence[Cells]) -> int:
    """Which of the first rows holds the titles: not a lone heading above a wider table."""
    if not rows or _filled(rows[0]) > 1 or mapping.is_header(rows[0]) or "@" in "".join(rows[0]):
        return 0
    for place, cells in enumerate(rows):
        if "@" in "".join(cells):
            return 0
        if _filled(cells) > 1:
            return place
    return 0


def _filled(cells: Cells) -> int:
    return sum(1 for cell in cells if cell.strip())


def _delimiter(lines: list[str]) -> str:
    """The delimiter that cuts the first rows into the most regular columns."""
    best, best_score = ",", 0.0
    for delimiter in DELIMITERS:
        try:
            rows = list(itertools.islice(csv.reader(lines, delimiter=delimiter), 100))
        except csv.Error:
            continue
        widths = Counter(len(row) for row in rows if row)
        width, often = widths.most_common(1)[0] if widths else (1, 0)
        score = 0.0 if width < 2 else often / widths.total() + min(width, 50) / 1000
        if score > best_score:
            best, best_score = delimiter, score
    return best


def source(path: Path) -> Source:
    """A text file that came in a zip file: a table, or cards."""
    with path.open("rb") as file:
        head = file.read(LOOKED_AT)
    refuse_others(head)
    normal = path.with_name(path.name + "-text")
    with path.open("rb") as file, normal.open("xb") as target:
        target.writelines(as_lines(iter(lambda: file.read(1 << 20), b""), head))
    path.unlink()
    with normal.open("rb") as file:
        beginning = file.read(64)
    if cards.is_card(beginning):
        return cards.source(normal, encoding_of(normal))
    dialect = look_at(normal)
    return Source("text", [Table("", lambda: _cells(normal, dialect))])


def _cells(path: Path, dialect: dict[str, Any]) -> Stream:
    with Rows(path, dialect) as rows:
        yield from _only_cells(rows)


def _only_cells(rows: Iterable[Any]) -> Stream:
    for row in rows:
        yield row.cells
