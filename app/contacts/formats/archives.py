"""Zip files, opened only as far as they keep to limits: spreadsheets are zip files too.

Everything is refused before it is unpacked: by the size of the directory, by the sizes that the
directory states (zipfile gives no byte more than that), by their proportion to the packed ones.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from app.contacts.formats.limits import DAMAGED, LIMIT_BYTES, TooLarge, Unreadable

MOST_ENTRIES = 2_000
DIRECTORY_BYTES = 1 << 20
#: Tables shrink to a tenth, repeated ones to a hundredth; bombs to a thousandth.
MOST_RATIO = 300
UNSUSPICIOUS_BYTES = 50 << 20

BOMB = "What is packed in this file is far larger than the file. LeaderSend does not unpack it."
LOCKED = "The file is protected with a password. Save it without one and upload that."
_END, _END64_LOCATOR = b"PK\x05\x06", b"PK\x06\x07"


class Archive:
    """A zip file that keeps to the limits. Raises Unreadable, TooLarge."""

    def __init__(self, path: Path, beat: Callable[[], None] = lambda: None) -> None:
        self._beat = beat
        self._owned: list[IO[bytes]] = []
        with told(), path.open("rb") as file:
            if _directory_bytes(file) > DIRECTORY_BYTES:
                raise Unreadable(f"There are more than {MOST_ENTRIES:,} files in this one.")
            self._zip = zipfile.ZipFile(path)
        try:
            self._entries = {info.filename: info for info in self._zip.infolist()}
            self._check()
        except BaseException:
            self._zip.close()
            raise

    def close(self) -> None:
        """Let the file go, and what was made while reading it."""
        for file in self._owned:
            file.close()
        self._zip.close()

    def own(self, file: IO[bytes]) -> IO[bytes]:
        """Close a file together with this one."""
        self._owned.append(file)
        return file

    @property
    def names(self) -> list[str]:
        """The files in it, without folders."""
        return [name for name, info in self._entries.items() if not info.is_dir()]

    @property
    def unpacked_bytes(self) -> int:
        """How large all of it is."""
        return sum(info.file_size for info in self._entries.values())

    def open(self, name: str) -> Packed:
        """One file, as a stream."""
        with told():
            return Packed(self._zip.open(self._entries[name]), self._beat)

    def start_of(self, name: str, size: int = 4096) -> bytes:
        """The first bytes of one file."""
        with told(), self.open(name) as file:
            return file.read(size)

    def _check(self) -> None:
        if len(self._entries) > MOST_ENTRIES:
            raise Unreadable(f"There are more than {MOST_ENTRIES:,} files in this one.")
        for info in self._entries.values():
            if info.flag_bits & 1:
                raise Unreadable(LOCKED)
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise Unreadable("It is packed in an unusual way. Pack it as an ordinary zip file.")
            if stat.S_ISLNK(info.external_attr >> 16):
                raise Unreadable(DAMAGED)
        packed = sum(info.compress_size for info in self._entries.values())
        # Also where entries overlap, so that the same bytes are unpacked again and again.
        packed = min(packed, os.stat(self._zip.filename or "").st_size)
        unpacked = self.unpacked_bytes
        if unpacked > UNSUSPICIOUS_BYTES and unpacked > packed * MOST_RATIO:
            raise Unreadable(BOMB)
        if unpacked > LIMIT_BYTES:
            raise TooLarge("Unpacked, the file is larger than 1 GB.")


class Packed:
    """A stream that shows with each piece that somebody is at work."""

    def __init__(self, file: IO[bytes], beat: Callable[[], None]) -> None:
        self._file, self._beat = file, beat

    def __enter__(self) -> Packed:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int = -1) -> bytes:
        """The next piece."""
        self._beat()
        return self._file.read(size)


@contextmanager
def told() -> Iterator[None]:
    """What is wrong with the bytes, in words."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, ValueError) as error:
        raise Unreadable(DAMAGED) from error
    except RuntimeError as error:
        raise Unreadable(LOCKED) from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # a place before the beginning of the file
            raise Unreadable(DAMAGED) from error
        raise


def _directory_bytes(file: BinaryIO) -> int:
    """The size of the list of files, which zipfile reads as a whole when it opens one."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 65_557 - 20))
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise Unreadable(DAMAGED)
    directory = int.from_bytes(tail[at + 12 : at + 16], "little")
    locator = tail[max(0, at - 20) : at]
    if not locator.startswith(_END64_LOCATOR):
        return directory
    file.seek(int.from_bytes(locator[8:16], "little") & (2**63 - 1))
    return int.from_bytes(file.read(56)[40:48], "little")
