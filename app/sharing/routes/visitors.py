"""Pages for everybody: no cookie proves anything here, nobody signs in."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response, render_template

from app.auth.current import View, public
from app.campaigns.archive.finding import Found, Shelf
from app.contacts import handles
from app.extensions import csrf


def for_visitors(view: View) -> View:
    """A POST that everybody may send; what it does is judged by itself."""
    marked: View = csrf.exempt(public(view))
    return marked


def page_for_all(template: str, status: int = 200, **context: Any) -> Response:
    """The same for every visitor: no choice of colours from a cookie, nobody's name."""
    response = make_response(render_template(template, theme="", **context), status)
    if status != 200:
        response.headers["X-Robots-Tag"] = "noindex"
    return response


def privacy_link(found: Found | Shelf) -> str:
    """The account's own privacy policy: what its pages show, never the operator's.

    Where the owner names none, the page that is written from the account's settings.
    """
    return found.archive.privacy_url or handles.privacy_page(found.account)
