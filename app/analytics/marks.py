"""What stands in the address of a page's dot: which page, from where, and a number of its own.

Every view of a page has an unguessable number (63 random bits) that is never used again. The
mark is signed, so that nobody counts pages that are not there or hosts that sent nobody.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.analytics.models import KINDS
from app.core import tokens
from app.core.tokens import BadToken, Purpose

VIEW, SIGN_UP = 0, 1
KEY_LENGTH = 80
HOST_LENGTH = 100


@dataclass(frozen=True)
class Mark:
    """One showing of one page."""

    kind: str
    key: str
    of: int
    """Whose pages count as one place for a visit: the account of an archive, 0 for the site."""
    is_sign_up: bool
    """The page says that somebody has signed up; it is no view."""
    view: int
    at: int
    """When it was shown, in seconds since 1970."""
    host: str
    """Where the visitor came from; empty where that is unknown or was this site."""


def make(kind: str, key: str, *, of: int = 0, is_sign_up: bool = False, host: str = "") -> str:
    """A mark for a page that is being shown now."""
    return tokens.sign(
        Purpose.DOT, KINDS.index(kind), SIGN_UP if is_sign_up else VIEW, of,
        secrets.randbits(63), int(time.time()), _spelled(key[:KEY_LENGTH]),
        _spelled(host[:HOST_LENGTH]),
    )  # fmt: skip


def read(mark: str) -> Mark:
    """Raises BadToken for what was not made by `make`."""
    numbers = tokens.read(Purpose.DOT, mark)
    if len(numbers) != 7 or numbers[0] >= len(KINDS):
        raise BadToken
    kind, what, of, view, at, key, host = numbers
    return Mark(KINDS[kind], _text(key), of, what == SIGN_UP, view, at, _text(host))


def host_of(referrer: str | None, own: str) -> str:
    """The name of the host that a visitor came from; empty for our own, or where it is no name."""
    try:
        host = urlsplit(referrer or "").hostname or ""
    except ValueError:
        return ""
    host = host.lower().removeprefix("www.")
    is_name = "." in host and not host.replace(".", "").isdigit() and ":" not in host
    return host if is_name and host != own.removeprefix("www.") else ""


def _spelled(text: str) -> int:
    return int.from_bytes(text.encode(), "big")


def _text(number: int) -> str:
    return number.to_bytes((number.bit_length() + 7) // 8, "big").decode("utf-8", "replace")
