"""SMTP on the wire: replies read strictly, commands and content written safely."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

LONGEST_LINE = 4096
LONGEST_REPLY = 65_536

_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s|$)")
_BARE = re.compile(rb"\r\n|\r|\n")
_CODES = {b"%d" % code: code for code in range(200, 600)}
_NO_PATH = re.compile(r"[<>\x00-\x20\x7f]")


class Reply(NamedTuple):
    """What a server said, lines joined by a space."""

    code: int
    text: str

    @property
    def status(self) -> str | None:
        """The enhanced status code (RFC 3463), where there is one."""
        match = _ENHANCED.match(self.text)
        return match.group(1) if match else None


class NotAReply(Exception):
    """Bytes that are no SMTP reply; nothing that follows them can be trusted."""


class ReplyReader:
    """Cuts a stream of bytes, however it is chopped, into replies."""

    __slots__ = ("_code", "_lines", "_rest", "_size", "lines")

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        """The lines of the last whole reply, without their code."""
        self._rest = b""
        self._code = b""
        self._lines: list[bytes] = []
        self._size = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left over after the last whole reply."""
        return not self._rest and not self._lines

    def feed(self, data: bytes) -> Iterator[Reply]:
        """The replies that are complete now, one by one. Raises NotAReply behind the good ones."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            code = _CODES.get(line[:3]) if line[3:4] == b" " and not self._lines else None
            if code and len(line) <= LONGEST_LINE:
                # A reply of one line, as nearly all are: four of them for every mail.
                words = line[4:].removesuffix(b"\r")
                self.lines = [words]
                yield Reply(code, words.decode("utf-8", "replace").strip())
            elif self._take(line.removesuffix(b"\r")):
                yield self._finish()
        if len(self._rest) > LONGEST_LINE:
            raise NotAReply("The server sent a line without end.")

    def _take(self, line: bytes) -> bool:
        """Whether this line ends a reply."""
        code, mark = line[:3], line[3:4]
        if not (code.isdigit() and b"2" <= code[:1] <= b"5" and len(code) == 3):
            raise NotAReply(f"The server answered {_shown(line)}, which is no SMTP reply.")
        if mark not in (b" ", b"-", b"") or (self._lines and code != self._code):
            raise NotAReply(f"The server answered {_shown(line)}, which is no SMTP reply.")
        self._code = code
        self._lines.append(line[4:])
        self._size += len(line)
        if self._size > LONGEST_REPLY or len(line) > LONGEST_LINE:
            raise NotAReply("The server sent an answer without end.")
        return mark != b"-"

    def _finish(self) -> Reply:
        text = self._lines[0] if len(self._lines) == 1 else b" ".join(self._lines)
        reply = Reply(int(self._code), text.decode("utf-8", "replace").strip())
        self.lines, self._lines = self._lines, []
        self._size = 0
        return reply


def _shown(line: bytes) -> str:
    return repr(line[:60].decode("ascii", "replace"))


def content(message: bytes) -> bytes:
    """A message as it goes out after DATA, its final dot not included.

    Every line ends with CRLF and nothing in it can look like the end (RFC 5321 4.5.2), whichever
    mix of line ends it came with: that is what message smuggling lives on.
    """
    newlines = message.count(b"\r\n")
    if message.count(b"\n") != newlines or message.count(b"\r") != newlines:
        message = _BARE.sub(b"\r\n", message)
    if b"\n." in message or message.startswith(b"."):
        message = message.replace(b"\r\n.", b"\r\n..")
        message = b"." + message if message.startswith(b".") else message
    return message if message.endswith(b"\r\n") else message + b"\r\n"


def is_path(address: str) -> bool:
    """Whether it can stand between < and > without ending the command or the path."""
    return _NO_PATH.search(address) is None
