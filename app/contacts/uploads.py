"""Files of contacts: taken in as a stream, turned into CSV, kept until they are old."""

from __future__ import annotations

import itertools
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from app.contacts.formats import converting, tables
from app.contacts.formats.limits import LIMIT_BYTES, TooLarge, Unreadable
from app.contacts.formats.tables import LOOKED_AT, look_at
from app.contacts.text import clean_line, mask_card_numbers
from app.core import settings
from app.core.clock import now
from app.core.room import kept

NAME = re.compile(r"[0-9a-f]{32}\.(csv|seen|seen-journal)")

__all__ = ["LIMIT_BYTES", "TooLarge", "Unreadable", "Upload", "look_at"]


@dataclass(frozen=True)
class Upload:
    """A file that lies in the data folder."""

    stored_as: str
    filename: str
    size_bytes: int
    dialect: dict[str, Any] = field(default_factory=dict)
    """How to read it; empty while it waits to be turned into CSV."""

    @property
    def waits(self) -> bool:
        """Whether it is too large to be turned into CSV while somebody waits."""
        return not self.dialect


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

    A spreadsheet, address cards or a zip of moderate size are turned into CSV at once; larger
    ones wait for `turn`. Raises Unreadable, TooLarge, NoRoom. Takes as long as the file is large:
    call it outside of a transaction.
    """
    path = path_of(_new_name())
    name = mask_card_numbers(clean_line(Path(filename.replace("\\", "/")).name, 255))
    with kept(path):
        kind = _store(file, path)
        if kind == "text":
            dialect = look_at(path)
        else:
            path, dialect = _turn_quickly(path, kind)
    return Upload(path.name, name or "contacts.csv", path.stat().st_size, dialect)


def _turn_quickly(path: Path, kind: str) -> tuple[Path, dict[str, Any]]:
    """As `turn`, or an empty dialect where that takes longer than a person waits."""
    if converting.is_quick(path, kind):
        with suppress(converting.Slow):
            return turn(path, quick=True)
    return path, {}


def turn(
    path: Path, *, beat: Callable[[], None] = lambda: None, quick: bool = False
) -> tuple[Path, dict[str, Any]]:
    """Turn a kept file into CSV; returns the new one and its dialect. The old one is removed.

    Raises Unreadable, TooLarge, NoRoom, and Slow where it is to be `quick`; what came stays then.
    """
    target = path_of(_new_name())
    with kept(target):
        dialect = converting.convert(path, target, beat=beat, quick=quick)
    path.unlink(missing_ok=True)
    return target, dialect


def _new_name() -> str:
    return secrets.token_hex(16) + ".csv"


def _store(file: BinaryIO, path: Path) -> str:
    """Write the file as it is, texts with plain line ends; returns its kind."""
    head = file.read(LOOKED_AT)
    kind = converting.kind_of(head[:64])
    if kind == "text":
        kind = converting.kind_of(_beginning(head))
    if kind == "text":
        tables.refuse_others(head)
    chunks = _limited(itertools.chain([head], iter(lambda: file.read(1 << 20), b"")))
    with path.open("xb") as target:
        path.chmod(0o600)
        for chunk in chunks if kind in ("packed", "compound") else tables.as_lines(chunks, head):
            target.write(chunk)
    return kind


def _beginning(head: bytes) -> bytes:
    """The first bytes, as they will be kept."""
    encoding = tables.wide_encoding(head)
    if not encoding:
        return head[:64]
    return head[:128].decode(encoding, "replace").lstrip("\ufeff").encode("utf-8", "replace")


def _limited(chunks: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > LIMIT_BYTES:
            raise TooLarge
        yield chunk


def remove_old(before: datetime) -> int:
    """Remove files that came before then; returns how many."""
    oldest, gone = before.timestamp(), 0
    for path in folder().iterdir():
        is_left = path.is_dir() and path.name.startswith("reading-")
        if is_left and path.stat().st_mtime < (now() - timedelta(days=1)).timestamp():
            shutil.rmtree(path, ignore_errors=True)  # by somebody who was killed while reading
        elif NAME.fullmatch(path.name) and path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
            gone += 1
    return gone
