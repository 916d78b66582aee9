"""What bodies of requests may cost: large uploads wait in the data folder, for the system's folder
for temporary files is often small, and sometimes memory; forms have so many fields at most."""

from __future__ import annotations

from tempfile import SpooledTemporaryFile
from typing import IO

from flask import Request, request
from werkzeug.exceptions import RequestEntityTooLarge

from app.core import settings

IN_MEMORY_BYTES = 500_000
#: Ten times what the largest of our forms sends.
FIELDS = 10_000
FORM = "application/x-www-form-urlencoded"


class UploadRequest(Request):
    """A request whose files lie, without a name, beside those that were kept."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        folder = settings.get().LEADERSEND_HOME / "uploads"
        folder.mkdir(mode=0o700, exist_ok=True)
        return SpooledTemporaryFile(IN_MEMORY_BYTES, mode="rb+", dir=str(folder))


def refuse_many_fields() -> None:
    """Before a form is read: MAX_FORM_PARTS counts the parts of uploads alone."""
    if request.mimetype == FORM and (request.content_length or FIELDS) >= FIELDS:
        body = request.get_data(cache=True)
        if body.count(b"&") >= FIELDS:
            raise RequestEntityTooLarge
