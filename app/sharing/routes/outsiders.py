"""What outsiders see by a link: one report or one preview, never a person in it."""

from __future__ import annotations

import logging
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded

from app.auth.current import public
from app.campaigns import previewing
from app.core import headers
from app.core.db import transaction
from app.core.errors import DomainError, NotFound
from app.core.tokens import BadToken
from app.reports import charts, queries
from app.sharing import limits, outsiders
from app.sharing.models import ShareLink
from app.sharing.outsiders import Over
from app.sharing.routes.visitors import for_visitors, page_for_all

bp = Blueprint("outsiders", __name__, url_prefix="/s")
log = logging.getLogger(__name__)

PATIENCE_S = 2.0


@bp.get("/<token>")
@public
def show(token: str) -> ResponseReturnValue:
    try:
        link = outsiders.find(token)
    except (BadToken, Over) as error:
        return _over(error)
    if not _is_unlocked(link):
        return _page("outsiders/password.html", link, token=token, problem="")
    _count(link)
    if link.kind == "preview":
        return _preview(link, token)
    return _report(link)


@bp.post("/<token>")
@for_visitors
def unlock(token: str) -> ResponseReturnValue:
    """The right password opens the link in this browser for some hours."""
    try:
        link = outsiders.find(token)
    except (BadToken, Over) as error:
        return _over(error)
    try:
        limits.count_try()
    except RateLimitExceeded:
        problem = "Too many tries. Wait a while, or ask the person who sent the link."
        return _page("outsiders/password.html", link, 429, token=token, problem=problem)
    if not outsiders.is_right(link, request.form.get("password", "")[:200]):
        problem = "That is not the password."
        return _page("outsiders/password.html", link, 422, token=token, problem=problem)
    address = url_for("outsiders.show", token=token)
    response = Response(status=303, headers={"Location": address})
    response.set_cookie(
        _cookie(link), outsiders.unlocked(link), path="/s/", samesite="Lax", httponly=True,
        secure=request.is_secure, max_age=int(outsiders.UNLOCKED.total_seconds()),
    )  # fmt: skip
    return response


@bp.get("/<token>/mail")
@public
def mail(token: str) -> ResponseReturnValue:
    """The mail alone, for the frame of the preview."""
    try:
        link = outsiders.find(token)
    except (BadToken, Over) as error:
        return _over(error)
    if link.kind != "preview" or not _is_unlocked(link):
        raise NotFound("This page")
    try:
        html = previewing.preview(link.campaign, None).html
    except DomainError as error:
        html = render_template("campaigns/preview_problem.html", problem=str(error))
    return headers.user_html(make_response(html))


def _preview(link: ShareLink, token: str) -> Response:
    problem, shown = "", None
    try:
        shown = previewing.preview(link.campaign, None)
    except DomainError as error:
        problem = str(error)
    return _page("outsiders/preview.html", link, token=token, preview=shown, problem=problem)


def _report(link: ShareLink) -> Response:
    campaign = link.campaign
    return _page(
        "outsiders/report.html", link, report=queries.report(campaign.id),
        curve=charts.curve(queries.hours(campaign.id), campaign.account.zone),
    )  # fmt: skip


def _page(template: str, link: ShareLink, status: int = 200, **context: Any) -> Response:
    response = page_for_all(
        template, status, link=link, campaign=link.campaign, account=link.campaign.account,
        found=None, **context,
    )  # fmt: skip
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _over(error: DomainError) -> Response:
    return page_for_all("archive/gone.html", error.status, text=str(error))


def _cookie(link: ShareLink) -> str:
    return f"shared-{link.id}"


def _is_unlocked(link: ShareLink) -> bool:
    return outsiders.is_unlocked(link, request.cookies.get(_cookie(link), ""))


def _count(link: ShareLink) -> None:
    """Whoever looks must not wait for the count, nor miss the page for want of it."""
    if request.method != "GET" or "prefetch" in request.headers.get("Sec-Purpose", ""):
        return
    try:
        with transaction(patience_s=PATIENCE_S):
            outsiders.count(link)
    except sa.exc.OperationalError as error:
        log.info("a look at a share link is not counted: %s", type(error.orig).__name__)
