"""The fast way for pictures and clicks: one function in front of the web framework.

A campaign of a million brings back bursts of the same two requests. Whatever is ordinary about
them is answered here, exactly as the routes answer: GET, under one of our names, a token of ours,
a link that this process knows. Everything else goes on to the routes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from app.core import tokens
from app.core.tokens import BadToken, Purpose
from app.tracking import hits, links

#: One transparent pixel.
PIXEL = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,"
    b"\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
UNCACHED = ("Cache-Control", "no-store, private, max-age=0")

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Any], Iterable[bytes]]
Answer = tuple[str, list[tuple[str, str]], list[bytes]]

#: Headers that announce prefetching; rare enough for the routes.
_AHEAD = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ")


class Express:
    """Answers what it can and passes on the rest. `safety` are the headers of every answer."""

    def __init__(
        self,
        rest: Wsgi,
        *,
        is_our_name: Callable[[str], bool],
        safety: Sequence[tuple[str, str]],
        looked: Callable[[str, Environ], None] = lambda _mark, _environ: None,
    ) -> None:
        """`looked` notes a view of a public page, by the mark of its dot."""
        self._looked = looked
        self._rest = rest
        self._is_our_name = is_our_name
        picture = [("Content-Type", "image/gif"), ("Content-Length", str(len(PIXEL))), UNCACHED]
        empty = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", "0")]
        self._picture = [*picture, *safety]
        self._redirect = [*empty, *safety, ("Cache-Control", "no-store")]

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """As PEP 3333 has it."""
        answer = self._answer(environ) if environ["REQUEST_METHOD"] == "GET" else None
        if answer is None:
            return self._rest(environ, start_response)
        status, headers, body = answer
        start_response(status, headers)
        return body

    def _answer(self, environ: Environ) -> Answer | None:
        path = environ.get("PATH_INFO", "")
        kind = path[:3]
        if kind not in ("/o/", "/c/", "/do") or not self._is_our_name(environ.get("HTTP_HOST", "")):
            return None
        if any(name in environ for name in _AHEAD):
            return None
        if kind == "/do":
            return self._dotted(path, environ)
        try:
            return self._opened(path, environ) if kind == "/o/" else self._clicked(path, environ)
        except BadToken:
            return None

    def _opened(self, path: str, environ: Environ) -> Answer | None:
        if not path.endswith(".gif"):
            return None
        numbers = tokens.read(Purpose.OPEN, path[3:-4])
        if len(numbers) != 1:
            return None
        _note("open", numbers[0], 0, environ)
        return "200 OK", self._picture.copy(), [PIXEL]

    def _dotted(self, path: str, environ: Environ) -> Answer | None:
        if not path.startswith("/dot/") or not path.endswith(".gif"):
            return None
        self._looked(path[5:-4], environ)
        return "200 OK", self._picture.copy(), [PIXEL]

    def _clicked(self, path: str, environ: Environ) -> Answer | None:
        numbers = tokens.read(Purpose.CLICK, path[3:])
        if len(numbers) != 2:
            return None
        delivery_id, link_id = numbers
        location = links.known_location(link_id)
        if not location:
            return None
        _note("click", delivery_id, link_id, environ)
        return "302 FOUND", [*self._redirect, ("Location", location)], []


def _note(kind: str, delivery_id: int, target: int, environ: Environ) -> None:
    headers = {"User-Agent": environ.get("HTTP_USER_AGENT", "")}
    address = environ.get("REMOTE_ADDR", "")
    hits.note(kind, delivery_id, target, method="GET", headers=headers, address=address)
