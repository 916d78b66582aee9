"""A mail as bytes: cast once for a campaign, filled in for each recipient.

A `Mold` is a list of finished bytes with slots between them. Bodies are quoted-printable, each
slot on lines of its own behind soft breaks, so that what surrounds it never has to be encoded
again; where that would swell (scripts far from ASCII) or logic decides, a body is one slot in
base64 or quoted-printable.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from email.header import decode_header
from typing import Generic, TypeVar

from app.mailer.address import envelope

Recipient = TypeVar("Recipient")
SOFT_BREAK = b"=\r\n"
#: RFC 2047: an encoded word is at most 75 characters; this is what is left for base64.
WORD_BYTES = 45
LONGEST_HEADER = 996

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_QUOTE_NEEDED = re.compile(r"[^A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]")
_EASY = re.compile(r"[!-\-/-<>-~](?:[ -<>-~]{0,72}[!-<>-~])?")


class BadHeader(ValueError):
    """A header that would mean something else than it shows; the message says why."""


def clean(text: str) -> str:
    """One line without control or direction characters, for a header."""
    return _CONTROL.sub(" ", text).strip()


def refuse_smuggling(text: str, what: str) -> None:
    """Raises BadHeader for control characters, plain or hidden in encoded words (RFC 2047)."""
    for layer in (text, decoded(text)):
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]", layer):
            raise BadHeader(f"{what} contains a line break or control character.")


def decoded(text: str) -> str:
    """What a mail program makes of encoded words."""
    if "=?" not in text:
        return text
    try:
        return "".join(
            part.decode(charset or "ascii", "replace") if isinstance(part, bytes) else part
            for part, charset in decode_header(text.replace("\r", " ").replace("\n", " "))
        )
    except (LookupError, ValueError):
        return text


def unstructured(text: str, used: int) -> bytes:
    """A subject or the like, encoded and folded; `used` characters of the line are taken."""
    text = clean(text)
    if text.isascii() and "=?" not in text:
        if used + len(text) <= 76:
            return text.encode()
        folded = _folded(text.split(" "), used)
        if max(map(len, folded.split(b"\r\n"))) <= LONGEST_HEADER:
            return folded
    return _encoded_words(text, used)


def mailbox(name: str, address: str) -> bytes:
    """A From or Reply-To value, folded before the address."""
    name = clean(name)
    bare = envelope(address).encode()
    if not name:
        return bare
    if not name.isascii() or "=?" in name:
        shown = _encoded_words(name, 10)
    elif _QUOTE_NEEDED.search(name):
        shown = b'"' + re.sub(r'(["\\])', r"\\\1", name).encode() + b'"'
    else:
        shown = name.encode()
    return shown + b"\r\n <" + bare + b">"


def _folded(words: Iterable[str], used: int) -> bytes:
    lines, room = [""], 76 - used
    for word in words:
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
            lines.append(word)
            room = 75
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    # A line of nothing but blanks would end the header for some readers.
    return "\r\n ".join(line for line in lines if line.strip()).encode()


def _encoded_words(text: str, used: int) -> bytes:
    words, piece, room = [], b"", max(6, min(WORD_BYTES, (76 - used - 12) // 4 * 3))
    if len(whole := text.encode("utf-8", "replace")) <= room:
        return b"=?utf-8?B?%b?=" % base64.b64encode(whole)
    for char in text:
        raw = char.encode("utf-8", "replace")
        if len(piece) + len(raw) > room:
            words.append(piece)
            piece, room = b"", WORD_BYTES
        piece += raw
    words.append(piece)
    return b"\r\n ".join(b"=?utf-8?B?" + base64.b64encode(word) + b"?=" for word in words)


def quoted_printable(text: str) -> bytes:
    """Whole text, lines of 76 at most, CRLF."""
    raw = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    lines = binascii.b2a_qp(raw).split(b"\n")
    for at, line in enumerate(lines):
        if line[:1] == b"." or len(line) > 75:
            lines[at] = _tidy(line)
    return b"\r\n".join(lines)


def _tidy(line: bytes) -> bytes:
    """No dot at the beginning, so that nothing has to be doubled on the wire; 76 characters at
    most, which the library misses where a line ends with a blank."""
    if line.startswith(b"."):
        line = b"=2E" + line[1:]
    # One is left for the soft break that a value behind it may need.
    if len(line) <= 75 + line.endswith(b"="):
        return line
    # Cut where no =XX is split.
    cut = 70 - (line[69:70] == b"=") - 2 * (line[68:69] == b"=")
    rest = line[cut:]
    return line[:cut] + b"=\r\n" + (b"=2E" + rest[1:] if rest.startswith(b".") else rest)


def in_base64(text: str) -> bytes:
    """Whole text in lines of 76."""
    raw = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    return base64.encodebytes(raw.encode("utf-8", "replace")).replace(b"\n", b"\r\n")


def value(text: str) -> bytes:
    """One filled-in value inside quoted-printable, ending its line softly."""
    if _EASY.fullmatch(text):
        return text.encode() + SOFT_BREAK
    if not text:
        return b""
    encoded = quoted_printable(text)
    return (
        encoded
        if encoded.endswith(b"\r\n") and not encoded.endswith(SOFT_BREAK)
        else (encoded + SOFT_BREAK)
    )


def fixed(text: str) -> bytes:
    """Text between two values inside quoted-printable: the next value starts a line."""
    encoded = quoted_printable(text)
    if not encoded or (encoded.endswith(b"\r\n") and not encoded.endswith(SOFT_BREAK)):
        return encoded
    return encoded + SOFT_BREAK


Slot = Callable[[Recipient], bytes]


@dataclass(frozen=True)
class Part(Generic[Recipient]):
    """A body: its type, how it is encoded, and its pieces."""

    content_type: str
    encoding: str
    pieces: Sequence[bytes | Slot[Recipient]]


class Mold(Generic[Recipient]):
    """A whole mail with slots."""

    def __init__(
        self,
        headers: Sequence[tuple[str, Sequence[bytes | Slot[Recipient]]]],
        parts: Sequence[Part[Recipient]],
        boundary: str,
    ) -> None:
        """`parts` become multipart/alternative, plainest first."""
        pieces: list[bytes | Slot[Recipient]] = []
        for name, content in headers:
            pieces += [f"{name}: ".encode(), *content, b"\r\n"]
        mark = f"--{boundary}\r\n".encode()
        pieces.append(
            b"MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary="
            + f'"{boundary}"\r\n\r\n'.encode()
        )
        for part in parts:
            pieces.append(
                mark
                + f'Content-Type: {part.content_type}; charset="utf-8"\r\n'.encode()
                + f"Content-Transfer-Encoding: {part.encoding}\r\n\r\n".encode()
            )
            pieces += [*part.pieces, b"\r\n"]
        pieces.append(f"--{boundary}--\r\n".encode())
        self._template, self._slots = _joined(pieces)

    def fill(self, recipient: Recipient) -> bytes:
        """The mail of one recipient."""
        made = self._template.copy()
        for slot, first, others in self._slots:
            made[first] = filled = slot(recipient)
            for at in others:
                made[at] = filled
        return b"".join(made)


def _joined(
    pieces: Sequence[bytes | Slot[Recipient]],
) -> tuple[list[bytes], list[tuple[Slot[Recipient], int, list[int]]]]:
    """Neighbouring bytes in one, and where each slot stands first and again."""
    template: list[bytes] = []
    places: dict[Slot[Recipient], list[int]] = {}
    was_bytes = False
    for piece in pieces:
        if not isinstance(piece, bytes):
            places.setdefault(piece, []).append(len(template))
            template.append(b"")
        elif was_bytes:
            template[-1] += piece
        else:
            template.append(piece)
        was_bytes = isinstance(piece, bytes)
    return template, [(slot, at[0], at[1:]) for slot, at in places.items()]


def check(message: bytes, allowed: Iterable[str]) -> None:
    """Raises BadHeader unless it is a well-formed mail with only these headers, each once."""
    if message.count(b"\n") != message.count(b"\r\n") or message.count(b"\r") != message.count(
        b"\r\n"
    ):
        raise BadHeader("A line ends with a bare CR or LF.")
    head = re.sub(rb"\r\n[ \t]", b" ", message.partition(b"\r\n\r\n")[0])
    names = [line.partition(b":")[0].decode("ascii", "replace") for line in head.split(b"\r\n")]
    strangers = {name for name in names if names.count(name) > 1} | (set(names) - set(allowed))
    if strangers:
        raise BadHeader(f"The mail has headers that do not belong: {', '.join(sorted(strangers))}.")
    if max(map(len, message.split(b"\r\n"))) > 998:
        raise BadHeader("A line is longer than 998 characters.")
