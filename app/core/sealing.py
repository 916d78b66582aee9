"""Secrets at rest (passwords of mail servers, private keys, documents): sealed with keys that are
not in the database.

The first key is derived from the installation's secret. `rotate` makes another one in the data
folder; a sealed value names its key ("v2:…"), so that values of all keys can be read while
`core.resealing` brings the older ones over. Every process looks whether the file has changed.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from app.core.clock import now
from app.core.errors import DomainError
from app.core.tokens import derive_key

#: In the data folder, readable by its owner alone.
KEY_FILE = "sealing_keys"


class Unreadable(DomainError):
    """Sealed with another key: SECRET_KEY has changed since, or the file of keys is missing."""

    status = 409


@dataclass(frozen=True)
class Ring:
    """The keys that there are; number 0 is the one derived from the secret."""

    current: int
    boxes: dict[int, Fernet]
    since: datetime | None = None
    """From when on the current one is in use; None for number 0."""


@dataclass
class _State:
    secret: str = ""
    path: Path | None = None
    seen: tuple[int, int, int] | None = None
    """Of the file: inode, time and size."""
    ring: Ring | None = None


_state = _State()


def configure(secret: str, home: Path) -> None:
    """Say from what the first key is derived, and where the others are."""
    _state.secret, _state.path = secret, home / KEY_FILE
    _state.seen, _state.ring = None, None


def box_of(secret: str) -> Fernet:
    """The sealing key of a secret, whether it is this installation's or not."""
    return Fernet(base64.urlsafe_b64encode(derive_key(secret, "sealing")))


def seal(value: str) -> str:
    """Text that only this installation can open again."""
    keys = ring()
    sealed = keys.boxes[keys.current].encrypt(value.encode()).decode()
    return f"{prefix(keys.current)}{sealed}"


def unseal(sealed: str) -> str:
    """The value again. Raises Unreadable."""
    number, token = _parts(sealed)
    try:
        return _opened(number, token.encode()).decode()
    except InvalidToken:
        words = f"A stored password cannot be read {_with(number)}. Enter it again."
        raise Unreadable(words) from None


def seal_bytes(content: bytes) -> bytes:
    """As `seal`, for a file."""
    keys = ring()
    return prefix(keys.current).encode() + keys.boxes[keys.current].encrypt(content)


def unseal_bytes(sealed: bytes) -> bytes:
    """The file again. Raises Unreadable."""
    number, beginning = number_of(sealed)
    try:
        return _opened(number, sealed[len(beginning) :])
    except InvalidToken:
        words = f"This file cannot be read {_with(number)}, or was altered."
        raise Unreadable(words) from None


def number_of(sealed: bytes) -> tuple[int, str]:
    """With which key a file was sealed, and what it begins with for that; the head is enough."""
    head, colon, _ = sealed[:12].partition(b":")
    number = _parts(f"{head.decode('ascii', 'replace')}:")[0] if colon else 0
    return number, prefix(number)


def _opened(number: int, token: bytes) -> bytes:
    box = ring().boxes.get(number)
    if box is None:
        raise InvalidToken
    return box.decrypt(token)


def _with(number: int) -> str:
    return f"with key {number} of {KEY_FILE}" if number else "with the present SECRET_KEY"


def prefix(number: int) -> str:
    """What a value begins with that was sealed with that key; empty for number 0."""
    return f"v{number}:" if number else ""


def is_current(sealed: str) -> bool:
    """Whether a value is sealed with the key in use."""
    return _parts(sealed)[0] == ring().current


def ring() -> Ring:
    """The keys as the file has them now."""
    if _state.path is None:
        raise RuntimeError("Nobody has said where the keys are.")
    seen = _look(_state.path)
    if _state.ring is None or seen != _state.seen:
        _state.ring, _state.seen = _read(_state.path), seen
    return _state.ring


def rotate() -> Ring:
    """Make another key and use it from now on; the older ones stay readable."""
    with _held():
        stored = _stored()
        number = max(stored, default=0) + 1
        stored[number] = Fernet.generate_key().decode()
        _write(number, now(), stored)
    return ring()


def drop_older(keys: Ring) -> int:
    """Forget every key of the file but the current one of `keys`; returns how many.

    Nothing is forgotten where another key was made since those were looked at: what is sealed
    was all seen under the key that is an older one now.
    """
    with _held():
        stored = _stored()
        older = [number for number in stored if number != keys.current]
        if not older or not keys.since or _read(_file()).current != keys.current:
            return 0
        _write(keys.current, keys.since, {keys.current: stored[keys.current]})
    return len(older)


def _parts(sealed: str) -> tuple[int, str]:
    head, colon, rest = sealed.partition(":")
    if colon and head[:1] == "v" and head[1:].isdigit():
        return int(head[1:]), rest
    return 0, sealed


def _look(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _read(path: Path) -> Ring:
    boxes = {0: box_of(_state.secret)}
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        return Ring(0, boxes)
    boxes |= {int(number): Fernet(key) for number, key in content["keys"].items()}
    since = datetime.fromisoformat(content["since"])
    return Ring(int(content["current"]), boxes, since)


def _stored() -> dict[int, str]:
    try:
        content = json.loads(_file().read_text())
    except FileNotFoundError:
        return {}
    return {int(number): key for number, key in content["keys"].items()}


def _file() -> Path:
    if _state.path is None:
        raise RuntimeError("Nobody has said where the keys are.")
    return _state.path


@contextmanager
def _held() -> Iterator[None]:
    """One at a time changes the file, in whichever process: two would lose one another's key, and
    what was sealed with it."""
    path = _file()
    handle = os.open(path.with_name(f"{path.name}.lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write(current: int, since: datetime, keys: dict[int, str]) -> None:
    """Whole or not at all, and on the disk before anything is sealed with it."""
    path = _file()
    content = {"current": current, "since": since.isoformat(), "keys": keys}
    partial = path.with_name(f"{path.name}.partial")
    handle = os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        os.fchmod(file.fileno(), 0o600)
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
