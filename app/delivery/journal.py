"""How far a run got, on disk before it matters: what a crash leaves to be read.

One append-only file per run, named after its lease. A line of intents is written before the
contents of these mails go out, answers as they arrive. The process that runs holds a lock on the
file, so that a sweep on the same machine knows for sure whether it still lives, however late it
is. What is written survives the death of the process; after a restart of the machine itself the
last lines may be missing, which the boot id tells.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from app.core import settings
from app.mailer.smtp import Outcome


def folder() -> Path:
    """Where journals lie."""
    path = settings.get().LEADERSEND_HOME / "journal"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


class Journal:
    """Written by the run that owns it."""

    def __init__(self, lease: str) -> None:
        self.path = folder() / lease
        self._file = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._write(json.dumps({"boot": boot_id(), "pid": os.getpid()}))

    def intend(self, ids: Iterable[int]) -> None:
        """These contents go out now. Raises OSError, and then they must not."""
        self._write("I " + " ".join(map(str, ids)))

    def answer(self, outcomes: Iterable[Outcome]) -> None:
        """What came back."""
        simple = [outcome for outcome in outcomes if outcome.kind == "accepted"]
        lines = [json.dumps(asdict(o)) for o in outcomes if o.kind != "accepted"]
        for tls in (False, True):
            ids = [str(outcome.id) for outcome in simple if outcome.tls is tls]
            if ids:
                lines.append(f"{'T' if tls else 'S'} {' '.join(ids)}")
        if lines:
            self._write("\n".join(lines))

    def remove(self) -> None:
        """Everything in it is in the database."""
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        self.close()

    def close(self) -> None:
        """Let go, the file stays for a sweep."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _write(self, line: str) -> None:
        data = line.encode() + b"\n"
        if os.write(self._file, data) != len(data):
            raise OSError("The disk is full: the journal could not be written.")


@dataclass
class Found:
    """What a sweep reads of a dead run's journal."""

    intended: set[int] = field(default_factory=set)
    answers: dict[int, Outcome] = field(default_factory=dict)
    is_complete: bool = True
    """False where the machine was restarted since: then the last lines may be missing."""
    path: Path | None = None
    _handle: int = -1

    def forget(self) -> None:
        """All of it is settled."""
        if self.path:
            with contextlib.suppress(FileNotFoundError):
                self.path.unlink()
        self.release()

    def release(self) -> None:
        """Let others look."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def verdict(self, delivery_id: int) -> Outcome:
        """What became of a mail that was claimed and not recorded."""
        if delivery_id in self.answers:
            return self.answers[delivery_id]
        if delivery_id in self.intended or not self.is_complete:
            text = "The sending process ended before the mail server's answer was known."
            return Outcome(delivery_id, "uncertain", text=text, phase="dot")
        return Outcome(delivery_id, "never_left")


class Alive(Exception):
    """The run still lives, or another sweep is at it."""


def read(lease: str) -> Found | None:
    """The journal of a dead run, locked until released; None where there is none here.

    Raises Alive.
    """
    path = folder() / lease
    try:
        handle = os.open(path, os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise Alive from None
    found = Found(path=path, _handle=handle)
    lines = path.read_bytes().split(b"\n")
    found.is_complete = bool(lines[0]) and _boot_of(lines[0]) == boot_id()
    for line in lines[1:-1]:
        _take(found, line.decode("utf-8", "replace"))
    return found


def _take(found: Found, line: str) -> None:
    if line.startswith("I "):
        found.intended.update(map(int, line[2:].split()))
    elif line.startswith(("S ", "T ")):
        for number in map(int, line[2:].split()):
            found.answers[number] = Outcome(number, "accepted", 250, tls=line.startswith("T"))
    elif line.startswith("{"):
        outcome = Outcome(**json.loads(line))
        found.answers[outcome.id] = outcome


def _boot_of(line: bytes) -> str:
    try:
        return str(json.loads(line).get("boot"))
    except ValueError:
        return ""


def boot_id() -> str:
    """Changes with each start of the machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"
