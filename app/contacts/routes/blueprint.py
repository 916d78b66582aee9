"""The blueprint of contacts, and what its views share."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from app.contacts import (
    uploads,
)

bp = Blueprint("contacts", __name__)

UPLOADS = ("contacts.upload",)


@bp.url_value_preprocessor
def let_large_files_in(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Before anything reads the form, the limit for uploads is lifted; `uploads` has its own."""
    if endpoint in UPLOADS:
        request.max_content_length = uploads.LIMIT_BYTES + 1_000_000
