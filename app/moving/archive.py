"""A ZIP file that grows over several runs and survives being cut off at any byte.

`zipfile` writes a new entry over the table of contents and the table anew when it closes. So the
table as it was is kept beside the file first: whoever finds a torn file puts it back and goes on
from there. What an entry holds stands in its comment, so the file alone says how far it is.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from app.core.clock import now


class Busy(Exception):
    """Another process writes to the file."""


@dataclass(frozen=True)
class Entry:
    """What is known of a file inside the ZIP."""

    name: str
    rows: int | None
    """None for documents."""
    sha256: str
    size_bytes: int
    after: list[Any] | None
    """Key of its last row, where another piece follows."""


class Sink:
    """Takes the bytes of one entry and sums them up."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._sum = hashlib.sha256()
        self.rows: int | None = None
        self.after: list[Any] | None = None

    def write(self, data: bytes) -> None:
        """Add to the entry."""
        self._sum.update(data)
        self._file.write(data)

    @property
    def comment(self) -> bytes:
        """What is said of the entry."""
        told = {"rows": self.rows, "sha256": self._sum.hexdigest(), "after": self.after}
        return json.dumps(told, separators=(",", ":")).encode()


class Archive:
    """Open for one run. `size`: how long the file was when the last run closed it; 0: new.

    Raises Busy while another process has it, and OSError for want of room.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._path, self._size = path, size
        self._lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._zip = self._open()
        except BlockingIOError:
            os.close(self._lock)
            raise Busy from None
        except BaseException:
            os.close(self._lock)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        if error is not None:
            self._give_up()
        os.close(self._lock)

    def _open(self) -> zipfile.ZipFile:
        if not self._size:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            os.close(descriptor)
            return zipfile.ZipFile(self._path, "w", zipfile.ZIP_DEFLATED)
        self._put_back()
        opened = zipfile.ZipFile(self._path, "a", zipfile.ZIP_DEFLATED)
        self._keep_table(opened.start_dir)
        return opened

    def _table(self, size: int) -> Path:
        return self._path.with_suffix(f".{size}.table")

    def _put_back(self) -> None:
        """The file as the last run closed it."""
        kept = self._table(self._size)
        if kept.exists():
            table = kept.read_bytes()
            with self._path.open("r+b") as file:
                file.truncate(self._size - len(table))
                file.seek(0, os.SEEK_END)
                file.write(table)

    def _keep_table(self, start: int) -> None:
        with self._path.open("rb") as file:
            file.seek(start)
            table = file.read()
        for old in self._path.parent.glob(f"{self._path.stem}.*.table"):
            if old != self._table(self._size):
                old.unlink()
        kept = self._table(self._size)
        if not kept.exists():
            part = kept.with_suffix(".part")
            with part.open("wb") as file:
                file.write(table)
                file.flush()
                os.fsync(file.fileno())
            part.rename(kept)

    def entries(self) -> list[Entry]:
        """What is in it so far."""
        return [_entry(info) for info in self._zip.infolist()]

    @contextmanager
    def entry(self, name: str) -> Iterator[Sink]:
        """Write a file into it."""
        info = zipfile.ZipInfo(name, date_time=now().timetuple()[:6])
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        with self._zip.open(info, "w", force_zip64=True) as file:
            sink = Sink(file)
            yield sink
        info.comment = sink.comment

    def close(self) -> int:
        """Write the table of contents, wait for the disk; returns how long the file is."""
        self._zip.close()
        with self._path.open("rb") as file:
            os.fsync(file.fileno())
            return file.seek(0, os.SEEK_END)

    def _give_up(self) -> None:
        """Leave it as it stands: the next run puts it back."""
        # Closing would write a table of what is half there, or fail again for want of room.
        file = self._zip.fp
        self._zip.fp = None
        if file is not None:
            file.close()


def _entry(info: zipfile.ZipInfo) -> Entry:
    told = json.loads(info.comment)
    return Entry(info.filename, told["rows"], told["sha256"], info.file_size, told["after"])


def remove(path: Path) -> None:
    """The file and all that lies beside it."""
    for found in path.parent.glob(f"{path.stem}.*"):
        found.unlink(missing_ok=True)
