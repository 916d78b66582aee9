"""Reading a file ahead of storing it: in a process of its own, while this one writes.

Reading and checking rows takes as long as writing them, and Python does one thing at a time. The
reader is a fork that touches no database; what it read comes over a pipe, one chunk at a time.
When it dies, whoever stores reads on by themselves from the last chunk they have.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import marshal
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from app.contacts import marks
from app.contacts.reading import Row
from app.contacts.rows import PREPARED, Person, Problem, Reader, as_text
from app.contacts.text import mask_card_numbers

#: Smaller rests of files are read in the time that a process takes to begin.
WORTH_BYTES = 2_000_000
_LENGTH = 8
#: Where a value stands among the prepared ones.
_AT = {name: place for place, name in enumerate(PREPARED)}


@dataclass
class Chunk:
    """Rows that were read and not stored yet."""

    people: list[Person] = field(default_factory=list)
    problems: list[tuple[int, str, str]] = field(default_factory=list)
    rows: int = 0
    marks: marks.Marks = field(default_factory=dict)
    offset: int = 0
    """Where to go on behind it, with the number of records so far."""
    number: int = 0


def read(records: Iterator[Row], reader: Reader, size: int) -> Chunk:
    """The next `size` records, as people or with the reason why not; fewer at the end."""
    chunk = Chunk()
    people, take = chunk.people, reader.read
    for row in itertools.islice(records, size):
        chunk.rows += 1
        try:
            if row.problem:
                raise Problem(row.problem)
            people.append(take(row.number, row.cells))
        except Problem as problem:
            reason = mask_card_numbers(str(problem))
            chunk.problems.append((row.number, as_text(row.cells), reason))
    chunk.marks = marks.look(people)
    return chunk


@contextmanager
def without_collector() -> Iterator[None]:
    """Chunks hold many objects and no cycles: looking through them again and again takes long."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Ahead:
    """A process that calls `next_chunk` until a chunk is smaller than `size`, one chunk ahead."""

    def __init__(self, next_chunk: Callable[[], Chunk], size: int) -> None:
        out, into = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(out)
            _work(next_chunk, size, into)
        os.close(into)
        self._pipe: BinaryIO = os.fdopen(out, "rb", buffering=0)

    def take(self) -> Chunk | None:
        """The next chunk; None when the process is gone."""
        try:
            length = int.from_bytes(_all_of(self._pipe, _LENGTH), "little")
            # Nobody but the fork has the other end.
            people, *rest = marshal.loads(_all_of(self._pipe, length))  # noqa: S302
        except (EOFError, ValueError, OSError):
            return None
        return Chunk([_person(values) for values in people], *rest)

    def end(self) -> None:
        """Stop it."""
        self._pipe.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


def _all_of(pipe: BinaryIO, length: int) -> bytearray:
    """Exactly so many bytes. Raises EOFError."""
    found = bytearray(length)
    view, at = memoryview(found), 0
    while at < length:
        got = pipe.readinto(view[at:])  # type: ignore[attr-defined]
        if not got:
            raise EOFError
        at += got
    return found


def _work(next_chunk: Callable[[], Chunk], size: int, into: int) -> None:
    """The life of the process. It ends without cleaning up: all that it has is its parent's."""
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with os.fdopen(into, "wb", buffering=0) as pipe, without_collector():
            while True:
                chunk = next_chunk()
                _send(pipe, chunk)
                if chunk.rows < size:
                    break
    except BaseException:  # noqa: S110  (whoever stores reads on, and meets the same fault)
        pass
    finally:
        os._exit(0)


def _send(pipe: BinaryIO, chunk: Chunk) -> None:
    people = [_values(person) for person in chunk.people]
    rest = (chunk.problems, chunk.rows, chunk.marks, chunk.offset, chunk.number)
    data = marshal.dumps((people, *rest))
    view = memoryview(len(data).to_bytes(_LENGTH, "little") + data)
    while view:
        view = view[pipe.write(view) :]


def _values(person: Person) -> tuple[Any, ...]:
    """What `prepared` does not say already."""
    return (
        person.number, person.local, person.kind, person.fields, person.tags, person.lists,
        person.blocked, person.proof, person.repaired, person.ways, person.prepared(),
    )  # fmt: skip


def _person(values: tuple[Any, ...]) -> Person:
    ready = values[-1]
    person = Person(values[0], ready[_AT["email"]], ready[_AT["address"]], values[1])
    (
        _, _, person.kind, person.fields, person.tags, person.lists, person.blocked, person.proof,
        person.repaired, person.ways, person.ready,
    ) = values  # fmt: skip
    person.first, person.last = ready[_AT["first_name"]], ready[_AT["last_name"]]
    person.company, person.notes = ready[_AT["company"]], ready[_AT["notes"]]
    person.external = ready[_AT["external_id"]]
    return person
