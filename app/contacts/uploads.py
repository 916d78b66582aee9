"""Files of contacts: taken in as a stream, looked at, kept until they are old."""

from __future__ import annotations

import codecs
import csv
import itertools
import re
import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

from app.contacts import letters, mapping
from app.contacts.reading import Rows, start_of
from app.contacts.text import clean_line
from app.core import settings
from app.core.clock import now
from app.core.errors import DomainError, Invalid
from app.core.room import NoRoom, is_for_want_of_room

LIMIT_BYTES = 1 << 30
LOOKED_AT = 256 * 1024
MOST_COLUMNS = 500
KEPT = timedelta(days=30)
DELIMITERS = ",;\t|"
#: Beginnings of files that are something else, with what to do.
OTHERS = {
    b"PK\x03\x04": "This is a spreadsheet or a zip file. Save it as CSV and upload that.",
    b"\xd0\xcf\x11\xe0": "This is an old spreadsheet file. Save it as CSV and upload that.",
    b"BEGIN:VCARD": "Address cards (vCard) cannot be read yet. Export the contacts as CSV.",
    b"%PDF": "This is a PDF. Export the contacts as CSV from the program they are in.",
    b"\x1f\x8b": "This file is packed. Unpack it and upload the CSV.",
    b"{\\rtf": "This is a text document. Save the table as CSV.",
    b"<": "This is a web page or an XML file. Export the contacts as CSV.",
}


class Unreadable(Invalid):
    """Not a file of contacts at all."""


class TooLarge(DomainError):
    """More than an import takes."""

    status = 413

    def __init__(self) -> None:
        super().__init__("The file is larger than 1 GB. Split it and import the parts.")


@dataclass(frozen=True)
class Upload:
    """A file that lies in the data folder."""

    stored_as: str
    filename: str
    size_bytes: int
    dialect: dict[str, Any]


def folder() -> Path:
    """Where uploads lie."""
    path = settings.get().LEADERSEND_HOME / "uploads"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def path_of(stored_as: str) -> Path:
    """Where one upload lies."""
    return folder() / stored_as


def receive(file: BinaryIO, filename: str) -> Upload:
    """Keep a file under a random name and find out how to read it.

    Raises Unreadable, TooLarge, NoRoom. Takes as long as the file is large: call it outside of a
    transaction.
    """
    stored_as = secrets.token_hex(16) + ".csv"
    path = path_of(stored_as)
    try:
        _store(file, path)
        dialect = look_at(path)
    except OSError as error:
        path.unlink(missing_ok=True)
        if is_for_want_of_room(error):
            raise NoRoom from error
        raise
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    name = clean_line(Path(filename.replace("\\", "/")).name, 255) or "contacts.csv"
    return Upload(stored_as, name, path.stat().st_size, dialect)


def _store(file: BinaryIO, path: Path) -> None:
    head = file.read(LOOKED_AT)
    _refuse_others(head)
    encoding = _wide_encoding(head)
    chunks = itertools.chain([head], iter(lambda: file.read(1 << 20), b""))
    with path.open("xb") as target:
        path.chmod(0o600)
        source = _limited(chunks)
        if encoding:
            source = _transcoded(source, encoding)
        elif b"\r" in head and b"\n" not in head:
            source = (chunk.replace(b"\r", b"\n") for chunk in source)
        for chunk in source:
            target.write(chunk)


def _limited(chunks: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > LIMIT_BYTES:
            raise TooLarge
        yield chunk


def _transcoded(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """UTF-16 as UTF-8, so that a line ends at a byte."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


def _wide_encoding(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    pairs = head[: len(head) // 2 * 2]
    if len(pairs) >= 8:
        if pairs[1::2].count(0) > len(pairs) // 2 * 0.7:
            return "utf-16-le"
        if pairs[0::2].count(0) > len(pairs) // 2 * 0.7:
            return "utf-16-be"
    return ""


def _refuse_others(head: bytes) -> None:
    if not head.strip():
        raise Unreadable("The file is empty.")
    beginning = head.removeprefix(codecs.BOM_UTF8).lstrip()
    for magic, advice in OTHERS.items():
        if beginning[: len(magic)].upper() == magic.upper():
            raise Unreadable(advice)
    if not _wide_encoding(head):
        odd = sum(head.count(bytes([code])) for code in range(32) if code not in (9, 10, 13))
        if odd > len(head) * 0.1:
            raise Unreadable("This is not a text file. Export the contacts as CSV.")


def look_at(path: Path, encoding: str = "") -> dict[str, Any]:
    """{encoding, delimiter, header, start, columns}; raises Unreadable.

    The encoding is guessed where none is given.
    """
    with path.open("rb") as file:
        head = file.read(LOOKED_AT)
    whole = head if len(head) < LOOKED_AT else head[: head.rfind(b"\n") + 1] or head
    encoding = encoding or letters.guess(whole)
    start, given = start_of(whole, encoding)
    lines = whole[start:].decode(encoding, "replace").splitlines(keepends=True)
    delimiter = given or _delimiter(lines)
    dialect: dict[str, Any] = {"encoding": encoding, "delimiter": delimiter, "start": start}
    with Rows(path, dialect) as rows:
        first = next((row.cells for row in rows if row.cells), [])
    if len(first) > MOST_COLUMNS:
        raise Unreadable(f"The file has more than {MOST_COLUMNS} columns.")
    dialect["header"] = mapping.is_header(first)
    dialect["columns"] = (
        [clean_line(cell, 100) or f"Column {place}" for place, cell in enumerate(first, 1)]
        if dialect["header"]
        else [f"Column {place}" for place in range(1, len(first) + 1)]
    )
    if not dialect["header"] and b"@" not in head:
        raise Unreadable("There is no mail address in this file.")
    return dialect


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


def remove_old() -> int:
    """Remove files that are no longer needed; returns how many."""
    oldest, gone = (now() - KEPT).timestamp(), 0
    for path in folder().iterdir():
        if re.fullmatch(r"[0-9a-f]{32}\.csv", path.name) and path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
            gone += 1
    return gone
