"""Errors of the API: problem documents (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Response, jsonify

from app.core.errors import DomainError

MEDIA_TYPE = "application/problem+json"
#: What the standard library calls these differs between versions of Python.
TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}


class Unauthorized(DomainError):
    """No token, or one that does not count."""

    status = 401


class MissingScope(DomainError):
    """The token may not do this."""

    status = 403

    def __init__(self, scope: str) -> None:
        super().__init__(f"This token lacks the scope {scope}. Make one that has it.")


class NotJson(DomainError):
    """The body is not what this call reads."""

    status = 415


class Unreadable(DomainError):
    """The body claims to be JSON and is not."""

    status = 400


class KeyInUse(DomainError):
    """The first request with this Idempotency-Key is still running."""

    status = 409


def problem(
    status: int,
    detail: str,
    errors: Mapping[str, list[str]] | None = None,
    **members: Any,
) -> Response:
    """A problem document; `members` are extension members such as findings."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": TITLES.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors:
        body["errors"] = dict(errors)
    body.update(members)
    response = jsonify(body)
    response.status_code = status
    response.content_type = MEDIA_TYPE
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="LeaderSend"'
    return response
