"""HTTP of following the policy by mail: ask, confirm, leave. Looking at a link changes nothing."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.auth import throttling
from app.auth.current import public
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.fragments import see_other
from app.extensions import csrf, limiter
from app.privacy import following
from app.privacy.routes.blueprint import bp


@bp.get("/privacy/follow")
@public
def follow_page() -> ResponseReturnValue:
    return render_template("privacy/follow.html", step="ask", email="", errors=[])


@bp.post("/privacy/follow")
@public
@limiter.limit("5/minute;20/hour;60/day", key_func=throttling.network)
def follow() -> ResponseReturnValue:
    email = request.form.get("email", "").strip()[:320]
    try:
        with transaction():
            following.ask(email)
    except Invalid as error:
        page = render_template(
            "privacy/follow.html", step="ask", email=email, errors=error.errors["email"]
        )
        return page, 422
    return see_other("privacy.follow_asked")


@bp.get("/privacy/follow/asked")
@public
def follow_asked() -> ResponseReturnValue:
    return render_template("privacy/follow.html", step="asked")


@bp.get("/privacy/follow/<token>")
@public
def confirm_follow_page(token: str) -> ResponseReturnValue:
    row = following.asked(token)
    return render_template("privacy/follow.html", step="confirm", email=row.email, token=token)


@bp.post("/privacy/follow/<token>")
@public
def confirm_follow(token: str) -> ResponseReturnValue:
    with transaction():
        following.confirm(token)
    return render_template("privacy/follow.html", step="done")


@bp.get("/privacy/unfollow/<token>")
@public
def unfollow_page(token: str) -> ResponseReturnValue:
    step = "leave" if following.is_following(token) else "left"
    return render_template("privacy/follow.html", step=step, token=token)


@bp.post("/privacy/unfollow/<token>")
@csrf.exempt  # type: ignore[untyped-decorator]
@public
def unfollow(token: str) -> ResponseReturnValue:
    """The button of that page, or of a mail program (RFC 8058)."""
    with transaction():
        following.leave(token)
    return render_template("privacy/follow.html", step="left")
