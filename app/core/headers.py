"""What every answer says to the browser about safety and caching."""

from __future__ import annotations

from flask import Flask, Response, request

CSP = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)
#: For HTML that a person wrote: never in our own document, never with scripts.
CSP_USER_HTML = (
    "sandbox; default-src 'none'; img-src https: data:; style-src 'unsafe-inline'; "
    "frame-ancestors 'self'"
)


def protect(app: Flask, *, secure: bool) -> None:
    """Add the headers after each request; a view may set its own Content-Security-Policy."""

    @app.after_request
    def add_headers(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", CSP)
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "no-referrer")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", "interest-cohort=()")
        if request.endpoint != "static":
            headers.setdefault("Cache-Control", "no-store")
        if secure:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        return response


def user_html(response: Response) -> Response:
    """Mark an answer as HTML that a person wrote: sandboxed, framed by our own pages only."""
    response.headers["Content-Security-Policy"] = CSP_USER_HTML
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
