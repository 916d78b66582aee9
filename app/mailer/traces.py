"""Signs of our own mails inside others: what a report quotes, what a reply refers to.

Tokens are found by their look, wherever they stand (Message-ID, return path, way out), in the raw
bytes and in decoded text parts; whether one is genuine is for the caller to check.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message

from app.mailer import dsn

MOST = 20
_TOKEN = r"([0-9a-f]{24,80})"  # noqa: S105 - a pattern


@dataclass(frozen=True)
class Traces:
    """Tokens by what they were made for, in the order in which they were found."""

    bounce: tuple[str, ...] = ()
    leave: tuple[str, ...] = ()
    message: tuple[str, ...] = ()


def find(data: bytes, message: Message, domain: str) -> Traces:
    """All traces of mails of `domain`, at most MOST of a kind; `message` is what `data` says."""
    return in_texts([data[: dsn.READ_BYTES].decode("latin-1"), *_decoded(message)], domain)


def in_texts(texts: list[str], domain: str) -> Traces:
    """As `find`, in texts of any kind."""
    at = "@" + re.escape(domain)
    patterns = (rf"\bb\+{_TOKEN}{at}", rf"\bu\+{_TOKEN}{at}", rf"\bc\d{{1,18}}\.{_TOKEN}{at}")
    return Traces(*(_all(pattern, texts) for pattern in patterns))


def named(message: Message, domain: str) -> tuple[str, ...]:
    """Message tokens that a reply names in its header (RFC 5322: In-Reply-To, References)."""
    texts = [str(message.get(name, "")) for name in ("In-Reply-To", "References")]
    return _all(rf"\bc\d{{1,18}}\.{_TOKEN}@{re.escape(domain)}", texts)


def _all(pattern: str, texts: list[str]) -> tuple[str, ...]:
    expression = re.compile(pattern, re.IGNORECASE)
    found = (match.group(1).lower() for text in texts for match in expression.finditer(text))
    return tuple(dict.fromkeys(found))[:MOST]


def _decoded(message: Message) -> list[str]:
    """Text parts that the raw bytes do not show as they are."""
    texts = []
    for part in dsn.parts(message):
        coded = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
        if coded in ("base64", "quoted-printable") and not part.is_multipart():
            try:
                payload = part.get_payload(decode=True)
            except Exception:  # hostile input has broken the library before  # noqa: S112
                continue
            if isinstance(payload, bytes):
                texts.append(payload[: dsn.READ_BYTES].decode("latin-1"))
    return texts
