"""Making a value harmless where it stands: one function per kind of place."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from urllib.parse import quote

#: Characters that a header or an address must never carry.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.\-]*:")
_GOOD_SCHEME = re.compile(r"(?:https?://|mailto:|tel:)", re.IGNORECASE)
_HOST = re.compile(r"[^\s/@:]+\.[^\s/@:]{2,}(?:[/?#]\S*)?")
_NOT_CSS = re.compile(r"[^\w #.,%\-]")
_NOT_WORD = re.compile(r"[^\w\-]")


def nothing(value: str) -> str:
    """Plain text needs no escaping."""
    return value


def header(value: str) -> str:
    """One line, no encoded words: `=?utf-8?q?…?=` from a value must not be decoded later."""
    return CONTROL.sub(" ", value).replace("=?", "= ?").replace("?=", "? =")


def html_text(value: str) -> str:
    """Between tags, and in conditional comments."""
    return html.escape(value)


def attribute(value: str) -> str:
    """In an attribute, quoted or not."""
    return re.sub(r"[\s`=]", lambda found: f"&#{ord(found[0])};", html.escape(value))


def comment(value: str) -> str:
    """In a comment, which must not end here."""
    return html.escape(value).replace("--", "- -")


def css(value: str) -> str:
    """In a style: colours, lengths, names."""
    return _NOT_CSS.sub("", value)


def word(value: str) -> str:
    """Where a tag or an attribute is named."""
    return _NOT_WORD.sub("", value)


def url(value: str) -> str:
    """A whole address: http, https, mailto and tel only; a bare host becomes https."""
    address = CONTROL.sub("", value).strip()
    if _GOOD_SCHEME.match(address):
        return quote(address, safe="%/:?#[]@!$&'()*+,;=~")
    if not _SCHEME.match(address) and _HOST.fullmatch(address):
        return "https://" + quote(address, safe="%/?#[]@!$&'()*+,;=~")
    return ""


def part(value: str) -> str:
    """A piece of an address: percent-encoded, so that it stays one piece."""
    return quote(value, safe="@")


def _quoted(escape: Callable[[str], str]) -> Callable[[str], str]:
    return lambda value: html.escape(escape(value))


#: By kind of place (app.campaigns.places) in HTML.
IN_HTML: dict[str, Callable[[str], str]] = {
    "text": html_text,
    "attribute": attribute,
    "comment": comment,
    "css": css,
    "word": word,
    "url": _quoted(url),
    "part": _quoted(part),
}

#: The same in an address that stands by itself.
IN_URL: dict[str, Callable[[str], str]] = {"url": url, "part": part}
