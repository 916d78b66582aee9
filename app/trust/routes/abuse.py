"""HTTP of abuse reports, for everybody."""

from __future__ import annotations

from flask import Response, make_response, render_template, request
from flask.typing import ResponseReturnValue

from app.auth import throttling
from app.auth.current import public
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.fragments import see_other
from app.trust import reporting
from app.trust.routes.blueprint import bp


@bp.get("/abuse")
@public
def abuse() -> ResponseReturnValue:
    return _page({"token": request.args.get("mail", "")[:200],
                  "url": request.args.get("url", "")[:2000]},
                 told=request.args.get("told", "")[:16])  # fmt: skip


def _page(
    given: dict[str, str], *, told: str = "", errors: dict[str, list[str]] | None = None
) -> str:
    token = given.get("token", "")
    return render_template(
        "trust/abuse.html", kinds=reporting.KINDS, given=given, told=told, errors=errors or {},
        guest=reporting.mail_of(token) if token else None,
    )  # fmt: skip


@bp.post("/abuse")
@public
@throttling.letters("5/minute;20/hour;60/day", lambda wait: _too_many(wait))
def abuse_post() -> ResponseReturnValue:
    given = _given()
    if request.form.get("fax"):
        return see_other("trust.abuse", told="A-0000-0000")
    try:
        with transaction():
            row = reporting.report(**given)
    except Invalid as error:
        return _page(given, errors=error.errors), 422
    return see_other("trust.abuse", told=row.reference)


def _given() -> dict[str, str]:
    return {name: request.form.get(name, "") for name in ("kind", "text", "email", "url", "token")}


def _too_many(wait: str) -> Response:
    """What was written is kept: only the button is to be pressed again."""
    words = f"Too many reports came from your network. {wait}"
    return make_response(_page(_given(), errors={"text": [words]}), 429)
