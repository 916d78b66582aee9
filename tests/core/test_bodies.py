"""Bodies that are too large."""

from __future__ import annotations

from io import BytesIO

from flask import Flask


def test_a_body_that_is_too_large_is_read_and_refused(app: Flask) -> None:
    body = BytesIO(b"a=" + b"x" * 2_000_000)

    answer = app.test_client().post(
        "/sign-in",
        input_stream=body,
        content_length=2_000_002,
        content_type="application/x-www-form-urlencoded",
    )

    assert answer.status_code == 413
    assert body.read() == b""
