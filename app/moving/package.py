"""A ZIP file that somebody uploaded, read with suspicion.

Nothing of it is ever unpacked to the disk: files are read as streams, by the names that a take-out
has, and never more of them than their size promises. What a name says of folders means nothing.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from app.contacts.rows import unguard
from app.core.errors import Invalid
from app.moving.writing import FORMAT, VERSION, piece_name

MOST_ENTRIES = 500_000
MOST_TABLE_BYTES = 128_000_000
"""Of the ZIP's table of contents, which is read whole."""
MOST_BYTES = 1 << 36
"""Of everything unpacked: 64 GB."""
MOST_RATIO = 250
"""Rows that repeat shrink to a fortieth; bombs to a thousandth."""
MOST_DOCUMENT = 64_000_000
MOST_LINE = 4_000_000
NO_ZIP = "This is no ZIP file, or only a part of one. Upload it again."
DAMAGED = "is damaged. Download the take-out again."
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_TRICKS = re.compile(r"^[/\\]|\\|(^|/)\.\.(/|$)|^[A-Za-z]:|[\x00-\x1f]")
_CAMPAIGN = re.compile(r"campaigns/([1-9][0-9]{0,17})/campaign\.json")


class NoTakeout(Invalid):
    """The file is none, or not as it was written."""


class Package:
    """An uploaded take-out. Raises NoTakeout."""

    def __init__(self, path: Path) -> None:
        _check_end(path)
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            raise NoTakeout(NO_ZIP) from None
        try:
            self._infos = _checked(self._zip.infolist(), path.stat().st_size)
            self.manifest = self._manifest()
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._zip.close()

    def _manifest(self) -> dict[str, Any]:
        if "manifest.json" not in self._infos:
            raise NoTakeout(
                "This ZIP is no take-out of LeaderSend: it has no manifest.json. Lists of people "
                "from elsewhere come in under Contacts, Imports."
            )
        found: dict[str, Any] = self.document("manifest.json")
        if not _is_manifest(found):
            raise NoTakeout("The manifest of this ZIP is not one of LeaderSend's take-outs.")
        if found["version"] > VERSION:
            raise NoTakeout("This take-out was made by a newer LeaderSend. Update this one first.")
        missing = [one["name"] for one in found["files"] if one["name"] not in self._infos]
        if missing:
            raise NoTakeout(f"{missing[0]} is missing from the ZIP, so it is not whole.")
        return found

    @property
    def files(self) -> dict[str, dict[str, Any]]:
        """What the manifest says, by name; nothing else is ever read."""
        return {one["name"]: one for one in self.manifest["files"]}

    def rows_of(self, name: str) -> int:
        """How many rows a table has, all pieces together."""
        return sum(int(self.files[piece].get("rows") or 0) for piece in self.pieces(name))

    def pieces(self, name: str) -> list[str]:
        """The files of a table: contacts.csv, contacts-2.csv and so on; none where it is absent."""
        known, found = self.files, list[str]()
        while piece_name(name, len(found) + 1) in known:
            found.append(piece_name(name, len(found) + 1))
        return found

    def campaigns(self) -> list[int]:
        """Their ids there, rising."""
        hits = (_CAMPAIGN.fullmatch(name) for name in self.files)
        return sorted(int(hit[1]) for hit in hits if hit)

    def check(self, name: str) -> None:
        """Compare a file with its sum. Raises NoTakeout."""
        wanted, seen, size = self.files[name], hashlib.sha256(), 0
        with self._open(name) as file:
            for block in _blocks(file, name):
                seen.update(block)
                size += len(block)
        if size != wanted["bytes"] or seen.hexdigest() != wanted["sha256"]:
            raise NoTakeout(
                f"{name} is not as it was when the take-out was made. Files of it that were "
                "changed are not taken in; upload the ZIP as you got it."
            )

    def document(self, name: str) -> Any:
        """A file of JSON."""
        if self._infos[name].file_size > MOST_DOCUMENT:
            raise NoTakeout(f"{name} is too large.")
        with self._open(name) as file:
            raw = b"".join(_blocks(file, name))
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            raise NoTakeout(f"{name} cannot be read.") from None

    def rows(self, name: str) -> Iterator[dict[str, Any]]:
        """The rows of a CSV file, or of one with an object a line."""
        return (row for row, _ in self.rows_from(name, 0))

    def rows_from(self, name: str, offset: int) -> Iterator[tuple[dict[str, Any], int]]:
        """Rows with the number of bytes up to their end, which is where to go on later; 0: all."""
        with self._open(name) as file:
            read = _objects if name.endswith(".jsonl") else _cells
            yield from read(_Lines(file, name), offset)

    def _open(self, name: str) -> IO[bytes]:
        try:
            return self._zip.open(self._infos[name])
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, KeyError):
            raise NoTakeout(f"{name} cannot be unpacked.") from None


def _blocks(file: IO[bytes], name: str) -> Iterator[bytes]:
    try:
        yield from iter(lambda: file.read(1 << 18), b"")
    except (zipfile.BadZipFile, zlib.error, EOFError):
        raise NoTakeout(f"{name} {DAMAGED}") from None


class _Lines:
    """The lines of a file as text; knows how far it is."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self.name, self.at = file, name, 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._read()
        if not line:
            raise StopIteration
        first = not self.at
        self.at += len(line)
        try:
            text = line.decode()
        except UnicodeDecodeError:
            raise NoTakeout(f"{self.name} is no text in UTF-8.") from None
        return text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}") if first else text

    def _read(self) -> bytes:
        try:
            line = self._file.readline(MOST_LINE)
        except (zipfile.BadZipFile, zlib.error, EOFError):
            raise NoTakeout(f"{self.name} {DAMAGED}") from None
        if len(line) == MOST_LINE and not line.endswith(b"\n"):
            raise NoTakeout(f"{self.name} has a line that is too long.")
        return line

    def go_to(self, offset: int) -> None:
        """Pass over what was read by an earlier run, without looking at it."""
        while self.at < offset and (block := self._file.read(min(1 << 18, offset - self.at))):
            self.at += len(block)


def _cells(lines: _Lines, offset: int) -> Iterator[tuple[dict[str, Any], int]]:
    try:
        reader = csv.reader(lines)
        names = next(reader, [])
        lines.go_to(offset)
        for cells in reader:
            yield dict(zip(names, map(unguard, cells), strict=False)), lines.at
    except csv.Error as error:
        raise NoTakeout(f"{lines.name} cannot be read: {error}.") from None


def _objects(lines: _Lines, offset: int) -> Iterator[tuple[dict[str, Any], int]]:
    lines.go_to(offset)
    for line in lines:
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            raise NoTakeout(f"{lines.name} cannot be read.") from None
        if not isinstance(found, dict):
            raise NoTakeout(f"{lines.name} cannot be read.")
        yield found, lines.at


def _checked(infos: list[zipfile.ZipInfo], size: int) -> dict[str, zipfile.ZipInfo]:
    """The entries by name. Raises NoTakeout for what is no honest ZIP."""
    found: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        if info.is_dir():
            continue
        if _TRICKS.search(info.filename) or info.filename in found:
            raise NoTakeout("This ZIP has files with names that no take-out has.")
        if info.flag_bits & 1 or info.compress_type not in (0, 8):
            raise NoTakeout("This ZIP is encrypted or packed in an unusual way. Pack it as ZIP.")
        if info.file_size > MOST_RATIO * info.compress_size + 1_000_000:
            raise NoTakeout("This ZIP unpacks to far more than an honest one would.")
        found[info.filename] = info
    whole = sum(info.file_size for info in infos)
    if whole > MOST_BYTES or sum(info.compress_size for info in infos) > size:
        raise NoTakeout("This ZIP unpacks to far more than an honest one would.")
    return found


def _check_end(path: Path) -> None:
    """The table of contents is read whole by `zipfile`: look how long it says it is first."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 66_000))
        tail = file.read()
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or len(tail) - at < _END.size:
            raise NoTakeout(NO_ZIP)
        _, _, _, _, entries, table, _, _ = _END.unpack_from(tail, at)
        if entries == 0xFFFF or table == 0xFFFFFFFF:
            entries, table = _end_64(tail[:at], entries, table)
    if entries > MOST_ENTRIES or table > MOST_TABLE_BYTES:
        raise NoTakeout("This ZIP has more files than a take-out has.")


def _end_64(tail: bytes, entries: int, table: int) -> tuple[int, int]:
    at = tail.rfind(b"PK\x06\x06")
    if at < 0 or len(tail) - at < _END_64.size:
        return entries, table
    found = _END_64.unpack_from(tail, at)
    return max(entries, found[7]) if entries != 0xFFFF else found[7], found[8]


def _is_manifest(found: Any) -> bool:
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        return False
    files, account = found.get("files"), found.get("account")
    return (
        isinstance(found.get("version"), int)
        and isinstance(account, dict)
        and isinstance(files, list)
        and all(_is_described(one) for one in files)
    )


def _is_described(one: Any) -> bool:
    return (
        isinstance(one, dict)
        and isinstance(one.get("name"), str)
        and isinstance(one.get("sha256"), str)
        and isinstance(one.get("bytes"), int)
        and isinstance(one.get("rows", 0), int)
    )
