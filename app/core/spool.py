"""Mails as files: what the catcher and the mail door wrote, and who reads it.

One mail a file. The first line is JSON, `{"from": …, "to": […]}`: the envelope; the message
follows as it came. Names sort by the time of arrival.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

#: A claim whose worker died is given back after this.
STALE_S = 300


@dataclass(frozen=True)
class Spooled:
    """A mail with its envelope."""

    name: str
    sender: str
    to: list[str]
    content: bytes


def write(folder: Path, sender: str, to: list[str], content: bytes, *, durable: bool) -> Path:
    """Add a mail; nobody ever sees half of it. `durable`: it survives a power cut from here on."""
    folder.mkdir(mode=0o700, exist_ok=True)
    name = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
    final, temporary = folder / f"{name}.eml", folder / f".{name}.tmp"
    envelope = json.dumps({"from": sender, "to": to}).encode()
    with temporary.open("wb") as file:
        file.write(envelope + b"\n" + content)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    temporary.rename(final)
    if durable:
        _keep_name(folder)
    return final


def _keep_name(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read(path: Path, limit: int = -1) -> Spooled:
    """A mail again; `limit` reads only its beginning. Raises OSError, ValueError."""
    with path.open("rb") as file:
        envelope = json.loads(file.readline())
        content = file.read(limit)
    return Spooled(path.stem, envelope["from"], envelope["to"], content)


def names(folder: Path) -> list[str]:
    """The names of all mails, oldest first."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name[:-4] for entry in entries if entry.name.endswith(".eml"))
    except FileNotFoundError:
        return []


def give_back(folder: Path) -> None:
    """Files whose worker died in the middle are free again."""
    for claimed in folder.glob("*.eml.*"):
        try:
            if time.time() - claimed.stat().st_ctime > STALE_S:
                claimed.rename(claimed.with_suffix(""))
        except FileNotFoundError:
            continue


def claim(path: Path) -> Path | None:
    """Take a file for oneself by another name; None where somebody else has it."""
    claimed = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        path.rename(claimed)
    except FileNotFoundError:
        return None
    return claimed


def set_aside(claimed: Path, name: str, most: int) -> None:
    """Keep what fits nothing for the operator, in `odd/`: the newest so many."""
    odd = claimed.parent / "odd"
    odd.mkdir(exist_ok=True)
    claimed.rename(odd / name)
    kept = sorted(odd.iterdir(), key=lambda path: path.stat().st_mtime)
    for old in kept[:-most]:
        old.unlink(missing_ok=True)
