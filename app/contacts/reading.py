"""Reading the rows of a CSV file, from any place, with bounded memory, whatever is in it."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

LINE_BYTES = 1_000_000
ROW_LINES = 100

TOO_LONG = "The line is longer than a million characters."
OPEN_QUOTE = "A quotation mark is opened and not closed."


class Row(NamedTuple):
    """One record of the file: its cells, or why it could not be read."""

    number: int
    """As a spreadsheet counts: the first record is 1, blank ones count."""
    cells: list[str]
    problem: str = ""


class _LongLine(Exception):
    pass


class Rows:
    """Iterates over records; `offset` and `number` say where to go on another time.

    A quotation mark that is never closed costs its own line only: reading goes on behind it.
    """

    def __init__(
        self, path: Path, dialect: Mapping[str, Any], *, offset: int | None = None, number: int = 0
    ) -> None:
        self._encoding = str(dialect.get("encoding", "utf-8"))
        self._delimiter = str(dialect.get("delimiter", ","))
        self._file = path.open("rb")
        self.size = path.stat().st_size
        self.offset = int(dialect.get("start", 0)) if offset is None else offset
        self.number = int(dialect.get("before", 0)) if offset is None else number
        self._begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[Row]:
        while True:
            start, lines = self.offset, self._reader.line_num
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except _LongLine:
                torn = self.offset > start
                yield self._one_line(start) if torn else self._skip(TOO_LONG)
                continue
            except csv.Error:
                yield self._one_line(start)
                continue
            if self._reader.line_num - lines > 1 and self._is_torn(start, lines):
                yield self._one_line(start)
                continue
            self.number += 1
            yield Row(self.number, cells)

    def _begin(self) -> None:
        self._file.seek(self.offset)
        self._reader = csv.reader(self._lines(), delimiter=self._delimiter)

    def _lines(self) -> Iterator[str]:
        encoding = self._encoding
        for raw in iter(partial(self._file.readline, LINE_BYTES), b""):
            if len(raw) == LINE_BYTES and not raw.endswith(b"\n"):
                raise _LongLine
            self.offset += len(raw)
            try:
                line = raw.decode(encoding)
            except UnicodeDecodeError:
                line = raw.decode("cp1252", "replace")
            yield line

    def _is_torn(self, start: int, lines: int) -> bool:
        """Whether a record of several lines is one that swallowed its neighbours."""
        if self._reader.line_num - lines > ROW_LINES:
            return True
        self._file.seek(start)
        text = self._file.read(self.offset - start)
        return text.count(b'"') % 2 == 1

    def _one_line(self, start: int) -> Row:
        """Give up the first line of a record; the next one begins behind it."""
        self._file.seek(start)
        raw = self._file.readline(LINE_BYTES)
        self.offset = start + len(raw)
        self.number += 1
        self._begin()
        text = raw.decode(self._encoding, "replace").rstrip("\r\n")
        return Row(self.number, [text[:2000]], OPEN_QUOTE)

    def _skip(self, problem: str) -> Row:
        """Leave the rest of an endless line."""
        self._file.seek(self.offset)
        head = self._file.readline(2000)
        self.offset += len(head)
        while not head.endswith(b"\n"):
            more = self._file.readline(LINE_BYTES)
            self.offset += len(more)
            if not more or more.endswith(b"\n"):
                break
        self.number += 1
        self._begin()
        text = head.decode(self._encoding, "replace").rstrip("\r\n")
        return Row(self.number, [text], problem)


def start_of(head: bytes, encoding: str) -> tuple[int, str]:
    """Where the rows begin, behind a byte order mark and Excel's `sep=;`, and that delimiter."""
    start = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
    hint = re.match(rb'"?sep=(.)"?\r?\n', head[start:], re.IGNORECASE)
    if hint:
        return start + hint.end(), hint[1].decode(encoding, "replace")
    return start, ""
