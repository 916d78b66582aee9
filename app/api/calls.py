"""The frame around every call: who, how often, what was sent, answered once.

`@call(…)` declares a call and registers its view; `CALLS` is what the OpenAPI document is
generated from, so nothing is served that is not in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from flask import Blueprint, Response, g, request

from app.accounts.models import Account
from app.api import keys, reading, repeats
from app.auth.current import public
from app.core.db import transaction
from app.core.errors import DomainError, Invalid, NotFound, TooMany

View = TypeVar("View", bound=Callable[..., Any])
JSON_LIMIT = 4_000_000
LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class Call:
    """One call of the API."""

    method: str
    path: str
    name: str
    summary: str
    scope: str
    body: Any = None
    query: Any = None
    answer: Any = None
    status: int = 200
    multipart: bool = False
    """The body is a form with a file instead of JSON."""
    media_type: str = "application/json"
    """Of the answer."""
    apart: bool = False
    """The view opens its own transactions, for it speaks to servers between them."""
    limit: int = JSON_LIMIT
    """Largest body, in bytes."""


@dataclass(frozen=True)
class Answer:
    """What a view gives back where a plain value does not say enough."""

    value: Any
    then: Callable[[], object] | None = None
    """Done after the transaction, for example waking a worker."""


CALLS: list[Call] = []


def current_account() -> Account:
    """The account that the token acts for."""
    account: Account = g.api_account
    return account


def declare(bp: Blueprint) -> Callable[..., Callable[[View], View]]:
    """The decorator `call(method, path, …)` of one blueprint."""

    def call(method: str, path: str, **details: Any) -> Callable[[View], View]:
        def register(view: View) -> View:
            summary = (view.__doc__ or "").strip().split("\n")[0]
            entry = Call(method, path, view.__name__, summary, **details)
            CALLS.append(entry)

            def serve(**ids: int) -> Response:
                return _serve(entry, view, ids)

            bp.add_url_rule(path, view.__name__, public(serve), methods=[method])
            return view

        return register

    return call


def _serve(call: Call, view: Callable[..., Any], ids: dict[str, int]) -> Response:
    request.max_content_length = call.limit
    g.api_account = keys.sign_in(call.scope)
    if any(number > LARGEST_ID for number in ids.values()):
        raise NotFound
    given: dict[str, Any] = dict(ids)
    if call.query is not None:
        given["query"] = reading.query(call.query)
    if call.body is not None:
        given["body"] = reading.form(call.body) if call.multipart else reading.body(call.body)
    if call.method == "GET":
        return _answered(call, view(**given))
    key = request.headers.get("Idempotency-Key") if call.method == "POST" else None
    if key is None:
        return _act(call, lambda: view(**given), None)
    return _act_once(call, lambda: view(**given), key)


def _act_once(call: Call, act: Callable[[], Any], key: str) -> Response:
    row = repeats.begin(current_account().id, key, reading.fingerprint())
    if row.status is not None:
        return _repeated(row.status, row.body)
    row_id = row.id
    try:
        return _act(call, act, row_id)
    except DomainError as error:
        # Nothing was done. What the request itself got wrong may be mended and sent again under
        # the same key; any other refusal is an answer, and stays it.
        if isinstance(error, Invalid | TooMany) or error.status >= 500 or error.status == 422:
            repeats.forget(row_id)
        else:
            with transaction():
                repeats.remember(row_id, error.status, json.dumps(str(error)))
        raise
    except BaseException:
        repeats.forget(row_id)
        raise


def _act(call: Call, act: Callable[[], Any], row_id: int | None) -> Response:
    if call.apart:
        result, response = _perform(call, act)
        if row_id is not None:
            with transaction():
                repeats.remember(row_id, response.status_code, response.get_data(as_text=True))
    else:
        with transaction():
            result, response = _perform(call, act)
            if row_id is not None:
                repeats.remember(row_id, response.status_code, response.get_data(as_text=True))
    if isinstance(result, Answer) and result.then:
        result.then()
    return response


def _perform(call: Call, act: Callable[[], Any]) -> tuple[Any, Response]:
    result = act()
    return result, _answered(call, result)


def _repeated(status: int, body: str) -> Response:
    if status >= 400:
        error = DomainError(json.loads(body))
        error.status = status
        raise error
    response = Response(body, status, mimetype="application/json")
    response.headers["Idempotent-Replayed"] = "true"
    return response


def _answered(call: Call, result: Any) -> Response:
    if isinstance(result, Response):
        return result
    value = result.value if isinstance(result, Answer) else result
    if value is None:
        return Response(status=204)
    return Response(dumps(value), call.status, mimetype="application/json")


def dumps(value: Mapping[str, Any]) -> str:
    """JSON with moments in RFC 3339, UTC."""
    return json.dumps(value, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} has no place in an answer")
