"""HTTP of what is kept how long, for customers."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from app.auth.current import personal
from app.trust import forgetting
from app.trust.routes.blueprint import bp


@bp.get("/settings/keeping")
@personal
def keeping_page() -> ResponseReturnValue:
    return render_template("trust/keeping.html", lines=forgetting.lines())
