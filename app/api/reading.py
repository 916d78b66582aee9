"""What was sent: JSON, a form or a query string, checked against its declared shape."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any

from flask import request
from werkzeug.datastructures import FileStorage

from app.api import repeats
from app.api.problems import NotJson, Unreadable
from app.api.schemas import Errors, Schema, check, components
from app.core.errors import Invalid


@cache
def _schemas(shape: Any) -> dict[str, Schema]:
    return components([shape])


def body(shape: Any) -> dict[str, Any]:
    """The JSON object of the request. Raises NotJson, Unreadable, Invalid."""
    raw = request.get_data(cache=True)
    if not raw.strip():
        return _checked({}, shape)
    if not request.is_json:
        raise NotJson("Send JSON, with the header Content-Type: application/json.")
    try:
        value = json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Unreadable("The body is not JSON that can be read.") from None
    if not isinstance(value, dict):
        raise Invalid("Send one JSON object.")
    return _checked(value, shape)


def query(shape: Any) -> dict[str, Any]:
    """The query string; numbers are read where the shape wants them."""
    schema = _schemas(shape)[shape.__name__]
    values: dict[str, Any] = {}
    for name, text in request.args.items():
        if text:
            values[name] = _typed(text, schema["properties"].get(name, {}))
    return _checked(values, shape)


def form(shape: Any) -> dict[str, Any]:
    """The fields of a multipart form beside its file. Objects come as JSON."""
    if request.mimetype != "multipart/form-data":
        raise NotJson("Send a form (multipart/form-data) with the field file.")
    properties = _schemas(shape)[shape.__name__]["properties"]
    values: dict[str, Any] = {}
    for name, text in request.form.items():
        values[name] = _typed(text, properties.get(name, {}))
    return _checked(values, shape)


def upload() -> FileStorage:
    """The form's file. Raises Invalid."""
    file = request.files.get("file")
    if file is None:
        message = "Add the file to the form, as the field file."
        raise Invalid(message, {"file": [message]})
    return file


def fingerprint() -> str:
    """What makes a repeat the same request: method, path and all that was sent."""
    parts = [request.method.encode(), request.full_path.encode()]
    if request.mimetype == "multipart/form-data":
        for name, text in sorted(request.form.items(multi=True)):
            parts += [name.encode(), text.encode("utf-8", "surrogatepass")]
        for name, file in sorted(request.files.items(multi=True)):
            parts += [name.encode(), (file.filename or "").encode(), _file_digest(file)]
    else:
        parts.append(request.get_data(cache=True))
    return repeats.fingerprint(*parts)


def _file_digest(file: FileStorage) -> bytes:
    digest = hashlib.sha256()
    while chunk := file.stream.read(1 << 20):
        digest.update(chunk)
    file.stream.seek(0)
    return digest.digest()


def _checked(value: dict[str, Any], shape: Any) -> dict[str, Any]:
    known = _schemas(shape)
    if errors := check(value, known[shape.__name__], known):
        raise Invalid(_first(errors), errors)
    return value


def _first(errors: Errors) -> str:
    field, messages = next(iter(errors.items()))
    more = sum(map(len, errors.values())) - 1
    rest = f" (and {more} more)" if more else ""
    return f"{field}: {messages[0]}{rest}" if field else messages[0]


def _typed(text: str, schema: Schema) -> Any:
    wanted = schema.get("type")
    if wanted == "integer" and text.strip().isascii() and text.strip().isdigit():
        return int(text)
    if wanted == "object":
        try:
            return json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            return text
    return text


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
