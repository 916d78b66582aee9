"""Large uploads wait in the data folder: the system's folder for temporary files is often small,
and sometimes memory."""

from __future__ import annotations

from tempfile import SpooledTemporaryFile
from typing import IO

from flask import Request

from app.core import settings

IN_MEMORY_BYTES = 500_000


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
