"""HTTP of what is kept how long, for the operator: what was forgotten when, and for how long."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.auth.current import current_member
from app.core import keeping
from app.core.db import transaction
from app.core.errors import Invalid, NotFound
from app.core.fragments import see_other
from app.staff.routes.blueprint import bp, for_purposes
from app.trust import forgetting


@bp.get("/staff/keeping")
@for_purposes("service")
def keeping_page() -> ResponseReturnValue:
    return render_template("staff/keeping.html", lines=forgetting.lines(), wrong="", key="")


@bp.post("/staff/keeping/<name>")
@for_purposes("service")
def choose_keeping(name: str) -> ResponseReturnValue:
    text = request.form.get("days", "").strip()
    try:
        with transaction():
            forgetting.choose(current_member(), name, int(text) if text.isdecimal() else -1)
    except Invalid as error:
        lines = forgetting.lines()
        return render_template("staff/keeping.html", lines=lines, wrong=str(error), key=name), 422
    kept = next((one for one in keeping.everything() if one.rule.key == name), None)
    if kept is None:
        raise NotFound("That rule")
    return see_other(
        "staff.keeping_page",
        notice=f"{kept.rule.what}: kept {kept.how_long}. What is older goes within the minute.",
    )
