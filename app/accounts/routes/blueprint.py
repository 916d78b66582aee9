"""The blueprint of settings."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.core.fragments import see_other

bp = Blueprint("accounts", __name__)

MAILS = "30/hour;100/day"


@bp.get("/settings")
def settings() -> ResponseReturnValue:
    return see_other("accounts.business")
