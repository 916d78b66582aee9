"""Microsoft's compound files (MS-CFB): a small file system in which old Office programs write."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from app.contacts.formats.limits import DAMAGED, Unreadable

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#: Numbers of sectors from here on mean something else: free, the end, part of a table.
_LAST_SECTOR = 0xFFFFFFFA
_ENTRY = 128
_STREAM, _ROOT = 2, 5
MOST_ENTRIES = 10_000
#: Pieces of small streams, of which a workbook has dozens.
MOST_SMALL = 1 << 20


class Compound:
    """One such file, open for reading. Whatever it says of itself, nothing is read twice."""

    def __init__(self, path: Path) -> None:
        """Raises Unreadable."""
        self._size = path.stat().st_size
        self._file = path.open("rb")
        try:
            self._read_tables()
        except (struct.error, Unreadable):
            self._file.close()
            raise Unreadable(DAMAGED) from None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def names(self) -> list[str]:
        """What is in it."""
        return list(self._entries)

    def copy(self, name: str, target: IO[bytes]) -> None:
        """Write what stands under a name. Raises Unreadable."""
        start, size = self._entries[name]
        chunks = self._small(start) if size < self._cutoff else self._sectors(start)
        for chunk in chunks:
            target.write(chunk[:size])
            size -= len(chunk)
            if size <= 0:
                return
        raise Unreadable(DAMAGED)

    def _read_tables(self) -> None:
        head = self._at(0, 512)
        if len(head) < 512 or not head.startswith(MAGIC):
            raise Unreadable(DAMAGED)
        shift, small_shift = struct.unpack_from("<HH", head, 30)
        if shift not in (9, 12) or small_shift != 6:
            raise Unreadable(DAMAGED)
        self._sector = 1 << shift
        tables, directory, self._cutoff = struct.unpack_from("<I I 4x I", head, 44)
        small_table, _, more, _ = struct.unpack_from("<IIII", head, 60)
        if self._cutoff != 4096:
            raise Unreadable(DAMAGED)
        self._links = array("I")
        for number in self._places_of_links(head, tables, more):
            self._links.frombytes(self._whole(number))
        self._small_links = array("I")
        for sector in self._sectors(small_table):
            if len(self._small_links) > MOST_SMALL:
                raise Unreadable(DAMAGED)
            self._small_links.frombytes(sector)
        self._read_directory(directory)

    def _places_of_links(self, head: bytes, tables: int, more: int) -> Iterator[int]:
        """Sectors that hold the table of links: the first ones stand in the head of the file."""
        if tables > self._most() * 4 // self._sector + 2:
            raise Unreadable(DAMAGED)
        yielded = 0
        found = list(struct.unpack_from("<109I", head, 76))
        while yielded < tables:
            for number in found:
                if number < _LAST_SECTOR and yielded < tables:
                    yield number
                    yielded += 1
            if yielded >= tables or more >= _LAST_SECTOR:
                break
            *found, more = struct.unpack(f"<{self._sector // 4}I", self._whole(more))
            if all(number >= _LAST_SECTOR for number in found):
                break

    def _read_directory(self, start: int) -> None:
        self._entries: dict[str, tuple[int, int]] = {}
        self._root = _LAST_SECTOR
        for seen, sector in enumerate(self._sectors(start)):
            if seen > MOST_ENTRIES:
                return
            for at in range(0, len(sector), _ENTRY):
                entry = sector[at : at + _ENTRY]
                length, kind = struct.unpack_from("<HB", entry, 64)
                first, size = struct.unpack_from("<IQ", entry, 116)
                if kind == _ROOT:
                    self._root = first
                elif kind == _STREAM and len(self._entries) < MOST_ENTRIES:
                    name = entry[: max(0, min(length, 64) - 2)].decode("utf-16-le", "replace")
                    # The upper half is not used in files with small sectors, and may hold anything.
                    whole = size if self._sector == 4096 else size & 0xFFFFFFFF
                    self._entries.setdefault(name, (first, whole))

    def _most(self) -> int:
        return int(self._size // self._sector + 1)

    def _sectors(self, number: int) -> Iterator[bytes]:
        """What stands in a chain. Raises Unreadable."""
        return map(self._whole, self._chain(number))

    def _chain(self, number: int) -> Iterator[int]:
        """Numbers of sectors. Raises Unreadable where it leads nowhere, or in a circle."""
        for _ in range(self._most()):
            if number >= _LAST_SECTOR:
                return
            yield number
            if number >= len(self._links):
                raise Unreadable(DAMAGED)
            number = self._links[number]
        if number < _LAST_SECTOR:
            raise Unreadable(DAMAGED)

    def _small(self, number: int) -> Iterator[bytes]:
        """As `_sectors`, of a small stream: pieces of 64 bytes of the root's stream."""
        inside = array("I", self._chain(self._root))
        for _ in range(len(self._small_links)):
            if number >= len(self._small_links):
                return
            place, at = divmod(number * 64, self._sector)
            if place >= len(inside):
                raise Unreadable(DAMAGED)
            yield self._whole(inside[place])[at : at + 64]
            number = self._small_links[number]

    def _whole(self, number: int) -> bytes:
        found = self._at((number + 1) * self._sector, self._sector)
        # Some programs leave out the end of the last sector.
        return found.ljust(self._sector, b"\0") if found else self._nothing()

    @staticmethod
    def _nothing() -> bytes:
        raise Unreadable(DAMAGED)

    def _at(self, offset: int, length: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(length)
