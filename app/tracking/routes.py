"""HTTP of tracking: the links that stand in mails. No cookie is read here, nobody signs in.

GET and HEAD never change anything but counters: scanners follow every link of a mail.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import sqlalchemy as sa
from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.urls import iri_to_uri

from app.accounts import report_hooks
from app.auth import throttling
from app.auth.current import public
from app.contacts import erasing
from app.core import headers, tokens
from app.core.db import db, transaction
from app.core.errors import DomainError, NotFound
from app.core.sealing import Unreadable
from app.core.tokens import BadToken, Purpose
from app.delivery import rendering
from app.extensions import csrf, limiter
from app.mailer.providers.common import Posted, Refused, Unavailable
from app.tracking import hits, hooks, leaving, links, why
from app.tracking.express import PIXEL, UNCACHED
from app.tracking.leaving import Visit
from app.tracking.texts import LANGUAGES, Texts

bp = Blueprint("tracking", __name__)
log = logging.getLogger(__name__)

View = TypeVar("View", bound=Callable[..., Any])
#: Somebody waits for the answer, and a mail provider's one click waits only some seconds.
PATIENCE_S = 8.0
#: Pages of a mail as targets of a burst; links have numbers above 0.
PAGES = {"u": -1, "p": -2, "v": -3, "why": -4}
#: Reports of providers: a large campaign brings thousands a minute, and 429 brings them later.
REPORTS = "6000/minute"
WRONG_REPORTS = "60/minute;600/hour"
AWAY = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError)


def from_a_mail(view: View) -> View:
    """A page behind a mail's link: its errors are told in the recipient's words."""

    @wraps(view)
    def guarded(token: str) -> Any:
        try:
            return view(token)
        except BadToken:
            return _broken()
        except AWAY as error:
            log.error("a recipient's page without a database: %s", type(error).__name__)
            db.session.rollback()
            return _busy(token)
        except DomainError as error:
            return _page("broken", None, error.status, heading=_texts(None)("busy_title"),
                         text=str(error))  # fmt: skip

    marked: View = csrf.exempt(public(guarded))
    return marked


@bp.get("/o/<token>.gif")
@public
def opened(token: str) -> Response:
    """The picture that tells of an opening; the same for every token."""
    try:
        numbers = tokens.read(Purpose.OPEN, token)
    except BadToken:
        numbers = ()
    if len(numbers) == 1:
        _record("open", numbers[0], 0)
    elif len(numbers) == 2 and numbers[0] == 0:
        _record("open", 0, numbers[1])
    response = Response(PIXEL, mimetype="image/gif")
    response.headers.add(*UNCACHED)
    return response


@bp.get("/c/<token>")
@from_a_mail
def clicked(token: str) -> Response:
    """On to the stored address; the hit is noted on the way."""
    numbers = tokens.read(Purpose.CLICK, token)
    if len(numbers) != 2:
        raise BadToken
    delivery_id, link_id = numbers
    found = links.target(link_id)
    address = links.address_for(found, delivery_id)
    _record("click", delivery_id, link_id)
    response = Response(status=302)
    response.autocorrect_location_header = False
    response.headers["Location"] = found.location or iri_to_uri(address)
    return response


@bp.get("/u/<token>")
@from_a_mail
def leaving_page(token: str) -> Response:
    """Asks; only the button acts."""
    guest = leaving.visit(Purpose.UNSUBSCRIBE, token)
    _record_page(guest, "u")
    return _page(
        "leave", guest, token=token, is_out=leaving.is_out(guest),
        lists=leaving.lists_behind(guest), undo=leaving.undo_token(guest),
        preferences=_preferences_token(guest),
    )  # fmt: skip


@bp.post("/u/<token>")
@from_a_mail
def leave(token: str) -> Response:
    """The button of the page, or one click in a mail program (RFC 8058): never a redirect."""
    guest = leaving.visit(Purpose.UNSUBSCRIBE, token)
    by_page = request.form.get("from") == "page"
    list_id = request.form.get("list", type=int)
    if by_page and list_id:
        return _leave_list(guest, list_id)
    with transaction(patience_s=PATIENCE_S):
        guest = leaving.visit(Purpose.UNSUBSCRIBE, token)
        leaving.leave(guest, source="link" if by_page else "one_click")
    if not by_page:
        return Response(_texts(guest)("one_click") + "\n", mimetype="text/plain")
    return _page(
        "left", guest, lists=leaving.lists_behind(guest), undo=leaving.undo_token(guest),
        preferences=_preferences_token(guest),
    )  # fmt: skip


def _leave_list(guest: Visit, list_id: int) -> Response:
    names = {found.id: found.name for found in leaving.lists_of(guest)}
    with transaction(patience_s=PATIENCE_S):
        leaving.leave_lists(guest, [list_id])
    return _page("left_list", guest, list_name=names.get(list_id, "…"),
                 preferences=_preferences_token(guest))  # fmt: skip


@bp.get("/back/<token>")
@from_a_mail
def back_page(token: str) -> Response:
    """Asks whether somebody who left wants mail again."""
    guest = leaving.visit(Purpose.UNDO, token)
    return _page("back", guest, undo=token, is_back=not leaving.is_out(guest))


@bp.post("/back/<token>")
@from_a_mail
def come_back(token: str) -> Response:
    """Undo; with `leave`, only that list is left."""
    leave_id = request.form.get("leave", type=int)
    with transaction(patience_s=PATIENCE_S):
        guest = leaving.visit(Purpose.UNDO, token)
        leaving.come_back(guest)
        names = {found.id: found.name for found in leaving.lists_of(guest)}
        if leave_id:
            leaving.leave_lists(guest, [leave_id])
    if leave_id in names:
        return _page("left_list", guest, list_name=names[leave_id],
                     preferences=_preferences_token(guest))  # fmt: skip
    return _page("back", guest, undo=token, is_back=not leaving.is_out(guest))


@bp.get("/p/<token>")
@from_a_mail
def preferences(token: str) -> Response:
    """What the person gets, with ways to get less."""
    guest = leaving.visit(Purpose.PREFERENCES, token)
    _record_page(guest, "p")
    return _preferences_page(guest, token, is_saved=False)


@bp.post("/p/<token>")
@from_a_mail
def save_preferences(token: str) -> Response:
    """Only less is free: a list can be left here, not joined."""
    keep = set(request.form.getlist("keep", type=int))
    shown = set(request.form.getlist("shown", type=int))
    with transaction(patience_s=PATIENCE_S):
        guest = leaving.visit(Purpose.PREFERENCES, token)
        leaving.leave_lists(guest, shown - keep)
        leaving.set_tracking(guest, off="counted" not in request.form)
    return _preferences_page(guest, token, is_saved=True)


@bp.get("/p/<token>/why")
@from_a_mail
def why_this(token: str) -> Response:
    """Who writes, and how the person came onto the list, from the record of consents."""
    guest = leaving.visit(Purpose.PREFERENCES, token)
    _record_page(guest, "why")
    return _page(
        "why", guest, token=token, is_out=leaving.is_out(guest), reasons=why.reasons(guest),
        address=why.shortened(guest.contact.email) if guest.contact else "",
        leave_token=_unsubscribe_token(guest), zone=guest.account.zone,
    )  # fmt: skip


@bp.get("/p/<token>/erase")
@from_a_mail
def erase_page(token: str) -> Response:
    """Says what goes; only the button acts."""
    return _page("erase", leaving.visit(Purpose.PREFERENCES, token), token=token)


@bp.post("/p/<token>/erase")
@from_a_mail
def erase_now(token: str) -> Response:
    """The person erases themselves, and stays out."""
    with transaction(patience_s=PATIENCE_S):
        guest = leaving.visit(Purpose.PREFERENCES, token)
        if guest.contact is not None:
            erasing.erase(guest.contact, by="person")
    return _page("erased", guest)


@bp.get("/v/<token>")
@from_a_mail
def in_browser(token: str) -> Response:
    """The mail as a page, without anything that counts."""
    guest = leaving.visit(Purpose.BROWSER, token)
    _record_page(guest, "v")
    if guest.contact is None and not guest.is_test:
        return _page("broken", guest, heading=guest.campaign.subject,
                     text=_texts(guest)("erased_mail"))  # fmt: skip
    content = rendering.render_one(guest.campaign, guest.contact, purpose="browser")
    return headers.user_html(make_response(content.html))


def _hook() -> str:
    return str((request.view_args or {}).get("token", ""))[:64]


def _hook_and_network() -> str:
    return f"{_hook()} {throttling.network()}"


def from_a_provider(view: View) -> View:
    """Where a mail provider reports: its errors stand in that provider's log."""

    @wraps(view)
    def guarded(token: str) -> Any:
        try:
            return view(token)
        except NotFound as error:
            return _told(404, str(error))
        except Refused as error:
            response = _told(error.status, str(error))
            if error.status == 401:
                response.headers["WWW-Authenticate"] = 'Basic realm="reports"'
            return response
        except (Unavailable, Unreadable, *AWAY) as error:
            log.error("a report cannot be taken now: %s", type(error).__name__)
            db.session.rollback()
            response = _told(503, "This report cannot be taken just now. Send it again.")
            response.headers["Retry-After"] = "30"
            return response

    limited = limiter.limit(REPORTS, key_func=_hook, scope="reports")(guarded)
    limited = limiter.limit(
        WRONG_REPORTS,
        key_func=_hook_and_network,
        scope="wrong reports",
        deduct_when=lambda response: 400 <= response.status_code < 500,
    )(limited)
    marked: View = csrf.exempt(public(limited))
    return marked


@bp.post("/hooks/<token>")
@from_a_provider
def take_report(token: str) -> Response:
    """What a mail provider reports; 200 once it is kept."""
    hook = report_hooks.by_token(token)
    is_new = hooks.receive(hook, _posted(hook.id))
    return _told(200, "Taken." if is_new else "Known already.")


def _posted(hook_id: int) -> Posted:
    try:
        body = request.get_data()
    except RequestEntityTooLarge:
        hooks.refuse(hook_id, "It was larger than 1 MB. Leave the content of mails out of reports.")
        raise
    asked = request.authorization
    return Posted(
        body=body,
        headers={name.lower(): value for name, value in request.headers.items()},
        username=(asked.username if asked else "") or "",
        password=(asked.password if asked else "") or "",
    )


def _told(status: int, words: str) -> Response:
    return Response(f"{words}\n", status, mimetype="text/plain")


def _record(kind: str, delivery_id: int, target: int) -> None:
    hits.note(
        kind, delivery_id, target, method=request.method, headers=request.headers,
        address=request.remote_addr or "",
    )  # fmt: skip


def _record_page(guest: Visit, page: str) -> None:
    """That a page was looked at tells of scanners that follow every link."""
    if guest.delivery is not None:
        _record("page", guest.delivery.id, PAGES[page])


def _preferences_token(guest: Visit) -> str:
    if guest.delivery is None:
        return tokens.sign(Purpose.PREFERENCES, 0, guest.campaign.id)
    return tokens.sign(Purpose.PREFERENCES, guest.delivery.id)


def _unsubscribe_token(guest: Visit) -> str:
    if guest.delivery is None:
        return tokens.sign(Purpose.UNSUBSCRIBE, 0, guest.campaign.id)
    return tokens.sign(Purpose.UNSUBSCRIBE, guest.delivery.id)


def _preferences_page(guest: Visit, token: str, *, is_saved: bool) -> Response:
    return _page(
        "preferences", guest, token=token, is_saved=is_saved, is_out=leaving.is_out(guest),
        lists=leaving.lists_of(guest), undo=leaving.undo_token(guest),
        leave_token=_unsubscribe_token(guest),
    )  # fmt: skip


def _texts(guest: Visit | None) -> Texts:
    language = request.accept_languages.best_match(list(LANGUAGES), "en") or "en"
    return Texts(language, sender=guest.account.name if guest else "")


def _page(name: str, guest: Visit | None, status: int = 200, **context: Any) -> Response:
    html = render_template(
        f"tracking/{name}.html", t=_texts(guest), guest=guest,
        sender=guest.account.name if guest else "", **context,
    )  # fmt: skip
    response = make_response(html, status)
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Vary"] = "Accept-Language"
    return response


def _broken() -> Response:
    t = _texts(None)
    return _page("broken", None, 404, heading=t("broken_title"), text=t("broken_text"))


def _busy(token: str) -> Response:
    """Nothing was written, and the page says so; an address by mail needs no database of ours."""
    try:
        by_mail = leaving.address_by_mail(token)
    except BadToken:
        by_mail = ""
    response = _page("busy", None, 503, by_mail=by_mail)
    response.headers["Retry-After"] = "60"
    return response
