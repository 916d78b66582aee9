"""Telling a friend, and never being told again. Only buttons act: scanners follow every link."""

from __future__ import annotations

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded

from app.auth.current import public
from app.campaigns.archive import copying
from app.campaigns.archive.finding import Found
from app.contacts.signup import gate
from app.core.db import transaction
from app.core.errors import Invalid, NotFound
from app.core.tokens import BadToken
from app.sharing import limits, telling, watching
from app.sharing.routes import archive
from app.sharing.routes.archive import at_its_address
from app.sharing.routes.visitors import for_visitors, page_for_all, privacy_link

bp = Blueprint("friends", __name__)
#: Added to a campaign's number in the stamps of these forms: those of sign-up forms are others.
OF_FRIENDS = 1 << 48


@archive.bp.get("/<archive_slug>/<page_slug>/tell")
@at_its_address
def tell_page(archive_slug: str, page_slug: str) -> ResponseReturnValue:
    return _page(_open(archive_slug, page_slug), "ask")


@archive.bp.post("/<archive_slug>/<page_slug>/tell")
@for_visitors
@at_its_address
def tell(archive_slug: str, page_slug: str) -> ResponseReturnValue:
    """The answer is the same whatever comes of it."""
    found = _open(archive_slug, page_slug)
    verdict = gate.judge(OF_FRIENDS + found.campaign.id, request.form)
    if verdict.outcome == "program":
        return _page(found, "done")
    if verdict.outcome == "more":
        return _page(found, "more", is_hasty=verdict.is_hasty)
    try:
        limits.count_telling()
        if not verdict.is_proved:
            limits.count_unproved()
    except RateLimitExceeded:
        return _page(found, "enough", 429)
    email, sentence = request.form.get("email", "")[:320], request.form.get("sentence", "")
    is_too_often = limits.is_address_told_too_often()
    try:
        with transaction():
            is_fresh = verdict.stamp is None or gate.use(verdict.stamp)
            if is_fresh and not is_too_often:
                telling.tell(found, email, sentence)
    except Invalid as error:
        return _page(found, "ask", 422, errors=error.errors)
    return _page(found, "done")


@bp.get("/never-tell/<token>")
@public
def never_page(token: str) -> ResponseReturnValue:
    try:
        step = "done" if telling.is_never(token) else "ask"
    except BadToken as error:
        return page_for_all("friends/never.html", error.status, step="broken", token=token)
    response = page_for_all("friends/never.html", step=step, token=token)
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


@bp.post("/never-tell/<token>")
@for_visitors
def never(token: str) -> ResponseReturnValue:
    """The button, or one click in a mail program (RFC 8058): never a redirect."""
    try:
        with transaction():
            telling.never(token)
    except BadToken as error:
        return page_for_all("friends/never.html", error.status, step="broken", token=token)
    if request.form.get("from") != "page":
        return Response("Nobody here tells you of anything again.\n", mimetype="text/plain")
    return page_for_all("friends/never.html", step="done", token=token)


def _open(archive_slug: str, page_slug: str) -> Found:
    found = watching.page(archive_slug, page_slug)
    if not found.archive.can_tell:
        raise NotFound("This page")
    return found


def _page(
    found: Found, step: str, status: int = 200, *, is_hasty: bool = False,
    errors: dict[str, list[str]] | None = None,
) -> Response:  # fmt: skip
    kind = gate.MORE if step == "more" else gate.FIRST
    stamp = gate.fresh(OF_FRIENDS + found.campaign.id, kind)
    response = page_for_all(
        "friends/tell.html", status, found=found, step=step, is_hasty=is_hasty,
        errors=errors or {}, subject=copying.subject_of(found), sentences=telling.SENTENCES,
        given=request.form, stamp=stamp.sign(), work=gate.challenge(stamp), trap=gate.TRAP,
        wait_s=gate.WAIT_S, sign_up="", privacy=privacy_link(found),
    )  # fmt: skip
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
