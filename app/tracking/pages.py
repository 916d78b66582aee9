"""What the pages behind the links of a mail share: their words, their errors, their shape.

No cookie is read and nobody signs in; a link proves itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import Response, make_response, render_template, request

from app.accounts.models import Account
from app.auth.current import public
from app.core import tokens
from app.core.db import db
from app.core.errors import DomainError
from app.core.tokens import BadToken, Purpose
from app.extensions import csrf
from app.tracking import hits, leaving
from app.tracking.leaving import Visit
from app.tracking.links import Target
from app.tracking.texts import LANGUAGES, Texts

log = logging.getLogger(__name__)

View = TypeVar("View", bound=Callable[..., Any])
#: Somebody waits for the answer, and a mail provider's one click waits only some seconds.
PATIENCE_S = 8.0
#: Pages of a mail as targets of a burst; links have numbers above 0.
PAGES = {"u": -1, "p": -2, "v": -3, "why": -4}
AWAY = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError)


class Guest(Protocol):
    """Whoever came by a link."""

    @property
    def account(self) -> Account:
        """Whose people they are."""


def from_a_mail(view: View) -> View:
    """A page behind a mail's link: its errors are told in the recipient's words."""

    @wraps(view)
    def guarded(token: str, **more: Any) -> Any:
        try:
            return view(token, **more)
        except BadToken:
            return broken()
        except AWAY as error:
            log.error("a recipient's page without a database: %s", type(error).__name__)
            db.session.rollback()
            return busy(token)
        except DomainError as error:
            return page("broken", None, error.status, heading=texts(None)("busy_title"),
                        text=str(error))  # fmt: skip

    marked: View = csrf.exempt(public(guarded))
    return marked


def language() -> str:
    """The one of ours that the visitor's browser likes best."""
    return request.accept_languages.best_match(list(LANGUAGES), "en") or "en"


def texts(guest: Guest | None) -> Texts:
    """The words for this answer."""
    return Texts(language(), sender=guest.account.name if guest else "")


def page(
    name: str, guest: Guest | None, status: int = 200, folder: str = "tracking", **context: Any
) -> Response:
    """One of the templates of `folder`, in the visitor's language; no search engine keeps it."""
    html = render_template(
        f"{folder}/{name}.html", t=texts(guest), guest=guest,
        sender=guest.account.name if guest else "", **context,
    )  # fmt: skip
    response = make_response(html, status)
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Vary"] = "Accept-Language"
    return response


def broken() -> Response:
    """The link is not one of ours, or not whole."""
    t = texts(None)
    return page("broken", None, 404, heading=t("broken_title"), text=t("broken_text"))


def stopped(found: Target) -> Response:
    """The operator lets nobody through to where this link led."""
    t = texts(None)
    host = urlsplit(found.url).hostname or ""
    response = page("stopped", None, 403, heading=t("stopped_title"), reason=found.stopped,
                    host=host)  # fmt: skip
    response.headers["Cache-Control"] = "no-store"
    return response


def busy(token: str) -> Response:
    """Nothing was written, and the page says so; an address by mail needs no database of ours."""
    try:
        by_mail = leaving.address_by_mail(token)
    except BadToken:
        by_mail = ""
    response = page("busy", None, 503, by_mail=by_mail)
    response.headers["Retry-After"] = "60"
    return response


def record(kind: str, delivery_id: int, target: int) -> None:
    """Note a hit, to be counted and judged later."""
    hits.note(
        kind, delivery_id, target, method=request.method, headers=request.headers,
        address=request.remote_addr or "",
    )  # fmt: skip


def record_page(guest: Visit, name: str) -> None:
    """That a page was looked at tells of scanners that follow every link."""
    if guest.delivery is not None:
        record("page", guest.delivery.id, PAGES[name])


def preferences_token(guest: Visit) -> str:
    """For a link to what this person chooses."""
    return _token(Purpose.PREFERENCES, guest)


def unsubscribe_token(guest: Visit) -> str:
    """For a link to the page that takes this person out."""
    return _token(Purpose.UNSUBSCRIBE, guest)


def _token(purpose: Purpose, guest: Visit) -> str:
    if guest.delivery is None:
        return tokens.sign(purpose, 0, guest.campaign.id)
    return tokens.sign(purpose, guest.delivery.id)
