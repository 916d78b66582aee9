"""One page, or only the region of it that htmx asked for; and where to go after a POST."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from flask import (
    Response,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)


def wants_fragment() -> bool:
    """Whether htmx asks for a region, not for a whole page."""
    headers = request.headers
    return (
        headers.get("HX-Request") == "true"
        and "HX-Boosted" not in headers
        and "HX-History-Restore-Request" not in headers
    )


def page_or_fragment(page: str, fragment: str, *, status: int = 200, **context: Any) -> Response:
    """The same URL in two shapes: for forms and searches only (style, H5)."""
    template = fragment if wants_fragment() else page
    response = make_response(render_template(template, **context), status)
    response.headers["Vary"] = "HX-Request"
    return response


def see_other(endpoint: str, *, notice: str = "", kind: str = "done", **values: Any) -> Response:
    """Go to a page after a POST: 303 for browsers, HX-Redirect for htmx.

    `notice` is shown there once; `kind` is done, info, warn or bad.
    """
    if notice:
        flash(notice, kind)
    return go(url_for(endpoint, **values))


def go(url: str) -> Response:
    """As `see_other`, to an address of our own."""
    if request.headers.get("HX-Request") == "true":
        response = make_response("", 200)
        response.headers["HX-Redirect"] = url
        return response
    return make_response(redirect(url, 303))


def own_path(target: str | None, *, otherwise: str = "/home") -> str:
    """`target` when it is a page of ours, whatever stands in a `next` that came from outside."""
    target = target or ""
    parts = urlsplit(target)
    own = target.startswith("/") and not target.startswith("//") and not parts.netloc
    return target if own and "\\" not in target and target.isprintable() else otherwise


def csv_answer(lines: Iterator[str], filename: str) -> Response:
    """A file of comma-separated values, written as it is read."""
    response = Response(stream_with_context(lines), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


def dom_id(thing: Any, role: str = "") -> str:
    """The id of an element that shows `thing`: campaign-7-progress."""
    name = type(thing).__name__.lower()
    return "-".join(filter(None, (name, str(thing.id), role)))
