"""The OpenAPI 3.1 document, generated from the declarations that serve the calls."""

from __future__ import annotations

import re
from typing import Any

from app.accounts.api_tokens import ALL_SCOPES
from app.api.calls import CALLS, Call
from app.api.problems import MEDIA_TYPE
from app.api.schemas import Schema, components, schema_of
from app.api.shapes import Problem

DESCRIPTION = """\
Everything a program needs to keep contacts, write campaigns, send them and read what became of
each recipient. Send your token in the header `Authorization: Bearer TOKEN`. Errors are problem
documents (RFC 9457). Lists answer `{items, cursor}`; pass the cursor on until it is null.
Repeat a POST with the same `Idempotency-Key` and it is answered as the first time, acting once.
"""
ERRORS = {
    400: "The request cannot be read.",
    401: "The token is missing, unknown or revoked.",
    403: "The token lacks the scope, or the account is suspended.",
    404: "Not there, or of another account.",
    409: "The present state does not allow it, or the first request is still running.",
    413: "The body is too large.",
    415: "The body is of another type.",
    422: "The request breaks a rule; `errors` names the fields.",
    429: "Too many calls; `Retry-After` says when to come back.",
}
PARAMETER = re.compile(r"<int:(\w+)>")


def document(base_url: str, version: str) -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, dict[str, Any]] = {}
    for call in CALLS:
        path = PARAMETER.sub(r"{\1}", call.path)
        paths.setdefault(path, {})[call.method.lower()] = _operation(call)
    shapes = [shape for call in CALLS for shape in (call.body, call.answer) if shape is not None]
    return {
        "openapi": "3.1.0",
        "info": {"title": "LeaderSend", "version": version, "description": DESCRIPTION},
        "servers": [{"url": f"{base_url}/api/v1"}],
        "security": [{"token": []}],
        "tags": [{"name": name} for name in sorted({_tag(call) for call in CALLS})],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": f"Scopes: {', '.join(ALL_SCOPES)}.",
                }
            },
            "schemas": components([*shapes, Problem]),
        },
    }


def _tag(call: Call) -> str:
    return call.path.split("/")[1]


def _operation(call: Call) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": call.name,
        "summary": call.summary,
        "description": f"Needs the scope `{call.scope}`.",
        "tags": [_tag(call)],
        "parameters": _parameters(call),
        "responses": _responses(call),
    }
    if call.body is not None:
        operation["requestBody"] = _request_body(call)
    return operation


def _parameters(call: Call) -> list[Schema]:
    found: list[Schema] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "integer", "minimum": 1},
        }
        for name in PARAMETER.findall(call.path)
    ]
    if call.query is not None:
        properties = components([call.query])[call.query.__name__]["properties"]
        found += [
            {"name": name, "in": "query", "required": False, "schema": schema}
            for name, schema in properties.items()
        ]
    if call.method == "POST":
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "schema": {"type": "string", "minLength": 1, "maxLength": 255},
            }
        )
    return found


def _request_body(call: Call) -> Schema:
    schema = schema_of(call.body)
    if call.multipart:
        file = {"type": "object", "properties": {"file": {"contentMediaType": "text/csv"}}}
        schema = {"allOf": [{**file, "required": ["file"]}, schema]}
        return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
    required = bool(getattr(call.body, "__required_keys__", ()))
    return {"required": required, "content": {"application/json": {"schema": schema}}}


def _responses(call: Call) -> Schema:
    answers: Schema = {str(call.status): {"description": call.summary}}
    if call.answer is not None:
        schema = schema_of(call.answer)
        answers[str(call.status)]["content"] = {call.media_type: {"schema": schema}}
    for status in _possible_errors(call):
        answers[str(status)] = {
            "description": ERRORS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    return answers


def _possible_errors(call: Call) -> list[int]:
    found = {401, 403, 429}
    if PARAMETER.search(call.path):
        found.add(404)
    if call.query is not None:
        found.add(422)
    if call.body is not None:
        found |= {400, 413, 415, 422}
    if call.method != "GET":
        found.add(409)
    return sorted(found)
