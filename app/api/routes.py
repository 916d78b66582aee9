"""The HTTP API, version 1: each call parses, calls one verb of the pages, answers."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify
from flask_limiter import RateLimitExceeded

from app.api import keys, openapi, queries, shapes, showing
from app.api.calls import current_account, declare
from app.api.problems import problem
from app.auth.current import public
from app.core import settings
from app.extensions import csrf, limiter

__all__ = ["bp", "problem"]

bp = Blueprint("api", __name__, url_prefix="/api/v1")
# No cookie is read here, so there is nothing that a foreign page could misuse.
csrf.exempt(bp)
#: Counted per token; an address without one is counted by itself.
rate = "12000 per minute"
limiter.limit(lambda: rate, key_func=keys.caller_key)(bp)
call = declare(bp)
#: Of this interface, not of the program.
VERSION = "1.0"


@bp.get("/openapi.json")
@public
def openapi_document() -> Response:
    """The description of all of this."""
    return jsonify(openapi.document(settings.get().BASE_URL, VERSION))


@bp.errorhandler(RateLimitExceeded)
def too_many(error: RateLimitExceeded) -> Response:
    """Say when to come back."""
    response = problem(429, "Too many calls with this token. Wait a minute, then go on.")
    response.headers["Retry-After"] = "60"
    return response


def _limit(query: dict[str, Any]) -> int:
    return int(query.get("limit", queries.PAGE))


@call("GET", "/lists", scope="contacts:read", query=shapes.PageQuery, answer=shapes.ListPage)
def get_lists(query: dict[str, Any]) -> Any:
    """Lists, newest first."""
    found = queries.lists(current_account(), query.get("cursor"), _limit(query))
    return showing.page(found, [showing.list_(row) for row in found.items])
