"""Documents of the registers: sealed files in the data folder, each known by its hash."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from app.core import sealing, settings
from app.core.clock import now
from app.core.errors import Invalid, NotFound
from app.core.room import kept

LIMIT_BYTES = 10_000_000
NAME = re.compile(r"[0-9a-f]{32}\.sealed")
#: A file without a row is of somebody whose entry did not come about.
STRAY_AFTER = timedelta(days=1)


@dataclass(frozen=True)
class Document:
    """A file that is kept."""

    stored_as: str
    name: str
    hash: str
    """SHA-256 of what was given, hex."""


def keep(file: BinaryIO, filename: str) -> Document:
    """Seal a file into the data folder. Raises Invalid, NoRoom."""
    content = file.read(LIMIT_BYTES + 1)
    if not content:
        raise Invalid("Attach the document.", {"document": ["Attach the document."]})
    if len(content) > LIMIT_BYTES:
        words = f"The document is larger than {LIMIT_BYTES // 1_000_000} MB."
        raise Invalid(words, {"document": [words]})
    path = _folder() / f"{secrets.token_hex(16)}.sealed"
    with kept(path), path.open("xb") as out:
        path.chmod(0o600)
        out.write(sealing.seal_bytes(content))
    name = "".join(c for c in Path(filename.replace("\\", "/")).name if c.isprintable())
    return Document(path.name, name[-255:] or "document", hashlib.sha256(content).hexdigest())


def read(stored_as: str, digest: str) -> bytes:
    """What was given. Raises NotFound, Unreadable, and Invalid where it is another one now."""
    path = _folder() / stored_as
    if not NAME.fullmatch(stored_as) or not path.is_file():
        raise NotFound("The document")
    content = sealing.unseal_bytes(path.read_bytes())
    if hashlib.sha256(content).hexdigest() != digest:
        raise Invalid("The document is not the one that was entered: its hash differs.")
    return content


def drop(stored_as: str) -> None:
    """Remove one that no row names."""
    (_folder() / stored_as).unlink(missing_ok=True)


def remove_strays(known: Collection[str]) -> int:
    """Remove files that no row names, once they are a day old; returns how many."""
    before = (now() - STRAY_AFTER).timestamp()
    strays = [
        path
        for path in _folder().glob("*.sealed")
        if path.name not in known and path.stat().st_mtime < before
    ]
    for path in strays:
        path.unlink(missing_ok=True)
    return len(strays)


def _folder() -> Path:
    path = settings.get().LEADERSEND_HOME / "documents"
    path.mkdir(mode=0o700, exist_ok=True)
    return path
