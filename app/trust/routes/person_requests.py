"""HTTP for people who asked the operator: confirm, or say that it was not them.

Looking at the link changes nothing, for scanners follow every link of a mail.
"""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.auth import throttling
from app.auth.current import public
from app.core.db import transaction
from app.core.errors import Invalid
from app.extensions import limiter
from app.staff import asked
from app.trust.routes.blueprint import bp

LIMIT = "20/minute;100/hour"


@bp.get("/your-request/<token>")
@public
@limiter.limit(LIMIT, key_func=throttling.network)
def person_request(token: str) -> ResponseReturnValue:
    return _page(token)


def _page(token: str, wrong: str = "") -> ResponseReturnValue:
    row = asked.by_link(token)
    page = render_template(
        "trust/person_request.html", step="ask", asked=row, token=token, wrong=wrong,
        places=asked.places(row),
    )  # fmt: skip
    return page, 422 if wrong else 200


@bp.post("/your-request/<token>")
@public
@limiter.limit(LIMIT, key_func=throttling.network)
def confirm_person_request(token: str) -> ResponseReturnValue:
    try:
        with transaction():
            row = asked.confirm(token, request.form.getlist("account", type=int))
    except Invalid as error:
        return _page(token, str(error))
    return render_template("trust/person_request.html", step="confirmed", asked=row)


@bp.post("/your-request/<token>/not-me")
@public
@limiter.limit(LIMIT, key_func=throttling.network)
def decline_person_request(token: str) -> ResponseReturnValue:
    with transaction():
        asked.decline(token)
    return render_template("trust/person_request.html", step="declined")
