"""Mail that the local catcher kept: read from its folder, one file at a time."""

from __future__ import annotations

import base64
import contextlib
import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import EmailMessage, Message, MIMEPart
from email.parser import BytesHeaderParser
from pathlib import Path

from app.core import pagination, spool
from app.core.errors import NotFound
from app.core.pagination import Page

NAME = re.compile(r"\d{20}-[0-9a-f]{8}")
#: Enough for the headers of any mail that one wants to find.
HEAD_BYTES = 32_768
LARGEST_INLINE = 2_000_000
CID = re.compile(r"""(["'(])cid:([^"')\s]+)""", re.IGNORECASE)


@dataclass(frozen=True)
class Caught:
    """A line of the list."""

    name: str
    at: datetime
    sender: str
    """Of the envelope: where bounces go."""
    author: str
    """As the mail names it."""
    to: str
    subject: str


@dataclass(frozen=True)
class Attached:
    """A part that is a file."""

    number: int
    filename: str
    kind: str
    size: int


@dataclass(frozen=True)
class Mail:
    """One mail, parsed."""

    line: Caught
    raw: bytes
    message: EmailMessage

    @property
    def headers(self) -> list[tuple[str, str]]:
        """In their order, decoded."""
        return [(name, str(value)) for name, value in self.message.items()]

    @property
    def html(self) -> str:
        """The HTML part with its embedded pictures; empty where there is none."""
        return CID.sub(self._embed, _text(self.message.get_body(("html",))))

    @property
    def text(self) -> str:
        """The plain-text part."""
        return _text(self.message.get_body(("plain",)))

    @property
    def source(self) -> str:
        """As it came."""
        return self.raw.decode("utf-8", "replace")

    @property
    def attachments(self) -> list[Attached]:
        """The files that hang on it."""
        return [
            Attached(n, part.get_filename() or f"part-{n}", part.get_content_type(), len(content))
            for n, part in self._parts()
            if (content := _bytes(part)) is not None
        ]

    def attachment(self, number: int) -> tuple[str, bytes]:
        """The name and the bytes of one. Raises NotFound."""
        for n, part in self._parts():
            content = _bytes(part)
            if n == number and content is not None:
                return part.get_filename() or f"part-{n}", content
        raise NotFound("That file")

    def _parts(self) -> Iterator[tuple[int, MIMEPart]]:
        with contextlib.suppress(KeyError, TypeError):  # raised for what has no parts
            yield from enumerate(self.message.iter_attachments())

    def _embed(self, found: re.Match[str]) -> str:
        for part in self.message.walk():
            if part.get("Content-ID", "").strip("<> ") == found[2]:
                content = _bytes(part) or b""
                if part.get_content_maintype() == "image" and len(content) < LARGEST_INLINE:
                    data = base64.b64encode(content).decode()
                    return f"{found[1]}data:{part.get_content_type()};base64,{data}"
        return found[0]


def page(folder: Path, *, query: str = "", cursor: str | None = None) -> Page[Caught]:
    """Newest first; `query` is looked for in recipients, sender and subject."""
    before = pagination.decode(cursor)
    found: list[Caught] = []
    for name in reversed(spool.names(folder)):
        if before and name >= before.text(0):
            continue
        line = _line(folder, name, query)
        if line and query.casefold() in f"{line.to} {line.author} {line.subject}".casefold():
            found.append(line)
        if len(found) > pagination.PAGE_SIZE:
            break
    return pagination.cut(found, pagination.PAGE_SIZE, lambda line: [line.name])


def find(folder: Path, name: str) -> Mail:
    """One mail. Raises NotFound."""
    line = _line(folder, name) if NAME.fullmatch(name) else None
    if line is None:
        raise NotFound("That mail")
    raw = spool.read(folder / f"{name}.eml").content
    message = email.message_from_bytes(raw, policy=email.policy.default)
    return Mail(line, raw, message)


def delete_all(folder: Path) -> int:
    """Forget every caught mail; returns how many there were."""
    names = spool.names(folder)
    for name in names:
        (folder / f"{name}.eml").unlink(missing_ok=True)
    return len(names)


def _line(folder: Path, name: str, query: str = "") -> Caught | None:
    """None for what was removed meanwhile, is no mail, or surely does not match."""
    try:
        spooled = spool.read(folder / f"{name}.eml", HEAD_BYTES)
        arrived = datetime.fromtimestamp(int(name[:20]) / 1e9, UTC)
    except (OSError, ValueError, KeyError):
        return None
    if query and not _may_match(spooled, query):
        return None
    head = BytesHeaderParser().parsebytes(spooled.content)
    author, subject = (_decoded(head.get(name, "")) for name in ("From", "Subject"))
    return Caught(name, arrived, spooled.sender, author, ", ".join(spooled.to), subject)


def _may_match(spooled: spool.Spooled, query: str) -> bool:
    """A quick look: parsing twenty thousand headers takes seconds."""
    head = spooled.content.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    plain = query.isascii() and b"=?" not in head
    wanted = query.casefold()
    in_head = not plain or wanted in head.decode("utf-8", "replace").casefold()
    return in_head or wanted in ", ".join(spooled.to).casefold()


def _decoded(value: str) -> str:
    try:
        return str(make_header(decode_header(value)))
    except (LookupError, ValueError):
        return str(value)


def _text(part: MIMEPart | None) -> str:
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except (LookupError, ValueError, KeyError):
        return (_bytes(part) or b"").decode("utf-8", "replace")


def _bytes(part: Message) -> bytes | None:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else None
