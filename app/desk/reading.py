"""A letter out of the bytes of a mail: whatever they are, quickly and in bounded memory.

Mails of strangers are hostile until proven otherwise: 50 MB, ten thousand parts, messages inside
messages, letters that no code page knows. What is beyond the limits is left out with a word.
"""

from __future__ import annotations

import contextlib
import email
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr

from app.desk import files
from app.mailer import address as addresses
from app.mailer import dsn

#: What is read of a mail.
LARGEST_BYTES = 16_000_000
#: A mail with more of them than this is read only at its beginning.
MOST_PARTS = 200
#: Lines that may begin a part, and lines of any kind: each costs many times its bytes to parse.
#: A file of LARGEST_BYTES has some 250,000 lines.
MOST_MARKS, MOST_LINES = 2_000, 300_000
LONGEST_TEXT = 50_000
LONGEST_HTML = 300_000
_OPT = re.IGNORECASE | re.MULTILINE
#: How mail programs begin what they quote.
_QUOTE = re.compile(
    r"^(>|-{2,}\s*(original|ursprüngliche|message d'origine|mensaje original|messaggio originale"
    r"|oorspronkelijk)|_{10,}\s*$|(on|am|le|el|il|op)\b.{5,200}"
    r"\b(wrote|schrieb|a écrit|escribió|ha scritto|schreef)\b.{0,100}:?\s*$"
    r"|(from|von|de|da|van):\s.*@)",
    _OPT,
)
_BULK = ("bulk", "list", "junk")
#: One attached file, still in the mail: its name and its bytes.
File = tuple[str, bytes]


@dataclass(frozen=True)
class Post:
    """A mail, read."""

    sender: str
    """Normalised address of who wrote it; empty where there is none to be found."""
    name: str
    subject: str
    text: str
    mail_id: str
    answers: tuple[str, ...]
    """Message-IDs that it replies to."""
    is_automatic: bool
    """A program wrote it: a bounce, an absence note (RFC 3834)."""
    is_bulk: bool
    """It came through a list or went to many; nobody gets an automatic answer to that."""
    files: tuple[File, ...] = ()
    left_out: str = ""
    message: Message = field(default_factory=Message, repr=False)

    @property
    def fresh(self) -> str:
        """What the sender wrote now, without what they quote."""
        found = _QUOTE.search(self.text)
        if found is None:
            return self.text.strip()
        above, lines = self.text[: found.start()].strip(), self.text[found.start() :].splitlines()
        # Below a quote with marks stands an answer; below one without, nobody can tell them apart.
        is_marked = any(line.startswith(">") for line in lines)
        below = [line for line in lines[1:] if not line.startswith(">")] if is_marked else []
        return above or "\n".join(below).strip()


def read(envelope_sender: str, data: bytes) -> Post:
    """Read a mail. Never raises, whatever the bytes."""
    message, cut = _message(data)
    name, sender = parseaddr(_header(message, "From"))
    text, kept, left_out = _parts(message)
    words = [*([cut] if cut else []), *([left_out] if left_out else [])]
    return Post(
        sender=_normal(sender),
        name=_line(name)[:200],
        subject=_line(_header(message, "Subject"))[:300],
        text=text,
        mail_id=_mail_ids(_raw(message, "Message-ID"))[:1][0]
        if _raw(message, "Message-ID")
        else "",
        answers=tuple(_mail_ids(f"{_raw(message, 'In-Reply-To')} {_raw(message, 'References')}")),
        is_automatic=_is_automatic(envelope_sender, message),
        is_bulk=_is_bulk(message),
        files=tuple(kept),
        left_out=" ".join(words)[:200],
        message=message,
    )


def unquoted(text: str) -> tuple[str, str]:
    """What somebody wrote, and what they quote below it; all of it where they wrote below."""
    found = _QUOTE.search(text)
    if found is None:
        return text.strip(), ""
    fresh, quoted = text[: found.start()].strip(), text[found.start() :].strip()
    below = [line for line in quoted.splitlines()[1:] if line.strip() and line[:1] != ">"]
    return (fresh, quoted) if fresh or not below else (text.strip(), "")


def _message(data: bytes) -> tuple[Message, str]:
    """The message, and what was left out of it before it was read."""
    if len(data) > LARGEST_BYTES:
        return dsn.read(data), "The mail was too large; only its beginning was kept."
    if data.count(b"\nContent-") + data.count(b"\ncontent-") > 4 * MOST_PARTS:
        return dsn.read(data), "The mail had too many parts; only its beginning was kept."
    if _count(data, b"--") > MOST_MARKS or _count(data) > MOST_LINES:
        return dsn.read(data), "The mail had too many lines; only its beginning was kept."
    data = re.sub(rb"\A\s*(From [^\n]*\n)?", b"", data)
    try:
        return email.message_from_bytes(data), ""
    except Exception:  # the parser itself has failed on hostile input before
        return dsn.read(data), "The mail could not be read whole."


def _count(data: bytes, beginning: bytes = b"") -> int:
    """Lines that begin so, whichever way the sender's lines end."""
    return max(data.count(b"\n" + beginning), data.count(b"\r" + beginning))


def _raw(message: Message, name: str) -> str:
    with contextlib.suppress(Exception):  # a header that the library cannot read is none
        return str(message.get(name) or "")[:20_000]
    return ""


def _header(message: Message, name: str) -> str:
    raw = _raw(message, name)
    with contextlib.suppress(Exception):
        return str(make_header(decode_header(raw)))
    return raw


def _line(text: str) -> str:
    """On one line, without what cannot be seen."""
    return " ".join("".join(one for one in text if one.isprintable() or one == " ").split())


def _mail_ids(text: str) -> list[str]:
    return [f"<{found}>" for found in re.findall(r"<([^<>\s]{3,250})>", text)][-50:]


def _normal(address: str) -> str:
    with contextlib.suppress(addresses.BadAddress):
        return addresses.parse(address).address
    return ""


def _is_automatic(envelope_sender: str, message: Message) -> bool:
    submitted = _raw(message, "Auto-Submitted").strip().lower() or "no"
    return (
        envelope_sender in ("", "<>")
        or not submitted.startswith("no")
        or dsn.is_auto_reply(message)
        or bool(dsn.DAEMON.search(_raw(message, "From")))
    )


def _is_bulk(message: Message) -> bool:
    named = any(_raw(message, name) for name in ("List-Id", "List-Unsubscribe", "Feedback-ID"))
    return named or _raw(message, "Precedence").strip().lower() in _BULK


def _parts(message: Message) -> tuple[str, list[File], str]:
    """The text, the files, and what was not kept."""
    plain, html = "", ""
    kept: list[File] = []
    total, skipped = 0, 0
    for part in _leaves(message):
        kind, content = _kind(part), _content(part)
        name = _filename(part)
        if not name and kind == "text/plain" and not plain:
            plain = _decoded(part, content)[:LONGEST_TEXT]
        elif not name and kind == "text/html" and not html:
            html = _decoded(part, content[:LONGEST_HTML])
        elif name or not kind.startswith(("text/", "multipart/")):
            total += len(content)
            fits = len(content) <= files.LARGEST_BYTES and total <= files.LARGEST_TOGETHER
            if content and fits and len(kept) < files.MOST:
                kept.append((files.safe_name(name, len(kept) + 1), content))
            else:
                skipped += 1
    text = plain.strip() or _readable(html)
    names = "file was" if skipped == 1 else "files were"
    words = f"{skipped} {names} too large or too many." if skipped else ""
    return _clean(text)[:LONGEST_TEXT], kept, words


def _leaves(message: Message) -> Iterator[Message]:
    """Parts that hold something; a message inside the message is one of them, as a file."""
    stack, seen = [(message, 0)], 0
    while stack and seen < MOST_PARTS:
        part, depth = stack.pop()
        seen += 1
        inner = part.get_payload()
        if isinstance(inner, list) and _kind(part).startswith("multipart/"):
            if depth < dsn.MAX_DEPTH:
                messages = [one for one in inner[:MOST_PARTS] if isinstance(one, Message)]
                stack.extend((one, depth + 1) for one in reversed(messages))
        else:
            yield part


def _kind(part: Message) -> str:
    with contextlib.suppress(Exception):
        return part.get_content_type()
    return "application/octet-stream"


def _content(part: Message) -> bytes:
    with contextlib.suppress(Exception):
        inner = part.get_payload()
        if isinstance(inner, list):
            return inner[0].as_bytes() if inner else b""  # type: ignore[union-attr]
        payload = part.get_payload(decode=True)
        return payload if isinstance(payload, bytes) else b""
    return b""


def _filename(part: Message) -> str:
    name = ""
    with contextlib.suppress(Exception):
        name = part.get_filename() or ""
    with contextlib.suppress(Exception):
        name = str(make_header(decode_header(name)))
    attached = _raw(part, "Content-Disposition").strip().lower().startswith("attachment")
    is_message = _kind(part).startswith("message/")
    return name or ("letter.eml" if is_message else "attachment" if attached else "")


def _decoded(part: Message, content: bytes) -> str:
    charset = "utf-8"
    with contextlib.suppress(Exception):
        charset = str(part.get_content_charset() or "utf-8")
    for name in (charset, "utf-8"):
        with contextlib.suppress(LookupError, UnicodeDecodeError):
            return content.decode(name)
    return content.decode("latin-1")


def _readable(html: str) -> str:
    if not html.strip():
        return ""
    from inscriptis import get_text  # heavy, and only mails without plain text need it

    with contextlib.suppress(Exception):
        return str(get_text(html))
    return re.sub(r"<[^>]*>", " ", html)


def _clean(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(one for one in text if one in "\n\t" or one.isprintable())
    return re.sub(r"\n{4,}", "\n\n\n", text).strip()
