"""HTTP of tracking: the links that stand in mails. No cookie is read here, nobody signs in.

GET and HEAD never change anything but counters: scanners follow every link of a mail.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import Blueprint, Response, make_response, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.urls import iri_to_uri

from app.accounts import report_hooks
from app.auth import throttling
from app.auth.current import public
from app.core import headers, tokens
from app.core.db import db, transaction
from app.core.errors import NotFound
from app.core.sealing import Unreadable
from app.core.tokens import BadToken, Purpose
from app.delivery import rendering
from app.extensions import csrf, limiter
from app.mailer.providers.common import Posted, Refused, Unavailable
from app.preferences import centre, reasons
from app.tracking import farewell, hooks, leaving, links, pages, why
from app.tracking.express import PIXEL, UNCACHED
from app.tracking.leaving import Visit

bp = Blueprint("tracking", __name__)
log = logging.getLogger(__name__)

View = TypeVar("View", bound=Callable[..., Any])
#: Reports of providers: a large campaign brings thousands a minute, and 429 brings them later.
REPORTS = "6000/minute"
WRONG_REPORTS = "60/minute;600/hour"


@bp.get("/o/<token>.gif")
@public
def opened(token: str) -> Response:
    """The picture that tells of an opening; the same for every token."""
    try:
        numbers = tokens.read(Purpose.OPEN, token)
    except BadToken:
        numbers = ()
    if len(numbers) == 1:
        pages.record("open", numbers[0], 0)
    elif len(numbers) == 2 and numbers[0] == 0:
        pages.record("open", 0, numbers[1])
    response = Response(PIXEL, mimetype="image/gif")
    response.headers.add(*UNCACHED)
    return response


@bp.get("/c/<token>")
@pages.from_a_mail
def clicked(token: str) -> Response:
    """On to the stored address; the hit is noted on the way."""
    numbers = tokens.read(Purpose.CLICK, token)
    if len(numbers) != 2:
        raise BadToken
    delivery_id, link_id = numbers
    found = links.target(link_id)
    if found.stopped:
        return pages.stopped(found)
    address = links.address_for(found, delivery_id)
    pages.record("click", delivery_id, link_id)
    response = Response(status=302)
    response.autocorrect_location_header = False
    response.headers["Location"] = found.location or iri_to_uri(address)
    return response


@bp.get("/u/<token>")
@pages.from_a_mail
def leaving_page(token: str) -> Response:
    """Asks; only the button acts."""
    guest = leaving.visit(Purpose.UNSUBSCRIBE, token)
    pages.record_page(guest, "u")
    return pages.page(
        "leave", guest, token=token, is_out=leaving.is_out(guest),
        lists=leaving.lists_behind(guest), undo=leaving.undo_token(guest),
        preferences=pages.preferences_token(guest),
        pauses=centre.fitting(centre.of(guest.account)),
    )  # fmt: skip


@bp.post("/u/<token>")
@pages.from_a_mail
def leave(token: str) -> Response:
    """The button of the page, or one click in a mail program (RFC 8058): never a redirect."""
    guest = leaving.visit(Purpose.UNSUBSCRIBE, token)
    by_page = request.form.get("from") == "page"
    list_id = request.form.get("list", type=int)
    if by_page and list_id:
        return _leave_list(guest, list_id)
    with transaction(patience_s=pages.PATIENCE_S):
        guest = leaving.visit(Purpose.UNSUBSCRIBE, token)
        is_due = by_page and farewell.is_due(guest.account, guest.contact)
        left = leaving.leave(guest, source="link" if by_page else "one_click")
        if left and is_due and guest.contact:
            undo = leaving.undo_token(guest)
            farewell.say(guest.account, guest.contact, language=pages.language(), undo=undo)
    if not by_page:
        return Response(pages.texts(guest)("one_click") + "\n", mimetype="text/plain")
    return pages.page(
        "left", guest, lists=leaving.lists_behind(guest), undo=leaving.undo_token(guest),
        preferences=pages.preferences_token(guest), reasons=reasons.asked(guest.account),
    )  # fmt: skip


def _leave_list(guest: Visit, list_id: int) -> Response:
    names = {found.id: found.name for found in leaving.lists_of(guest)}
    with transaction(patience_s=pages.PATIENCE_S):
        leaving.leave_lists(guest, [list_id])
    return pages.page("left_list", guest, list_name=names.get(list_id, "…"),
                 preferences=pages.preferences_token(guest))  # fmt: skip


@bp.get("/back/<token>")
@pages.from_a_mail
def back_page(token: str) -> Response:
    """Asks whether somebody who left wants mail again."""
    guest = leaving.visit(Purpose.UNDO, token)
    return pages.page("back", guest, undo=token, is_back=not leaving.is_out(guest))


@bp.post("/back/<token>")
@pages.from_a_mail
def come_back(token: str) -> Response:
    """Undo; with `leave`, only that list is left."""
    leave_id = request.form.get("leave", type=int)
    with transaction(patience_s=pages.PATIENCE_S):
        guest = leaving.visit(Purpose.UNDO, token)
        leaving.come_back(guest)
        names = {found.id: found.name for found in leaving.lists_of(guest)}
        if leave_id:
            leaving.leave_lists(guest, [leave_id])
    if leave_id in names:
        return pages.page("left_list", guest, list_name=names[leave_id],
                     preferences=pages.preferences_token(guest))  # fmt: skip
    return pages.page("back", guest, undo=token, is_back=not leaving.is_out(guest))


@bp.get("/p/<token>/why")
@pages.from_a_mail
def why_this(token: str) -> Response:
    """Who writes, and how the person came onto the list, from the record of consents."""
    guest = leaving.visit(Purpose.PREFERENCES, token)
    pages.record_page(guest, "why")
    return pages.page(
        "why", guest, token=token, is_out=leaving.is_out(guest), reasons=why.reasons(guest),
        address=why.shortened(guest.contact.email) if guest.contact else "",
        leave_token=pages.unsubscribe_token(guest), zone=guest.account.zone,
    )  # fmt: skip


@bp.get("/v/<token>")
@pages.from_a_mail
def in_browser(token: str) -> Response:
    """The mail as a page, without anything that counts."""
    guest = leaving.visit(Purpose.BROWSER, token)
    pages.record_page(guest, "v")
    if guest.contact is None and not guest.is_test:
        return pages.page("broken", guest, heading=guest.campaign.subject,
                     text=pages.texts(guest)("erased_mail"))  # fmt: skip
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
        except (Unavailable, Unreadable, *pages.AWAY) as error:
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
