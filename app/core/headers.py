"""What every answer says to the browser about safety and caching."""

from __future__ import annotations

from io import BytesIO

from flask import Flask, Response, request, send_file
from werkzeug.datastructures import Headers

CSP = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)
#: For HTML that a person wrote: never in our own document, never with scripts.
CSP_USER_HTML = (
    "sandbox; default-src 'none'; img-src https: data:; style-src 'unsafe-inline'; "
    "frame-ancestors 'self'"
)
#: The same where its links are to work: they open beside the frame, as pages of their own.
CSP_PUBLIC_HTML = CSP_USER_HTML.replace(
    "sandbox;", "sandbox allow-popups allow-popups-to-escape-sandbox;"
)

#: Answers that no browser shows; `tracking.express` gives the commonest of them by itself.
REDIRECTS = {301, 302, 303, 307, 308}


def safety(*, secure: bool) -> list[tuple[str, str]]:
    """What stands in every answer that does not say otherwise."""
    found = [
        ("Content-Security-Policy", CSP),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Permissions-Policy", "interest-cohort=()"),
    ]
    return [*found, ("Strict-Transport-Security", "max-age=31536000")] if secure else found


def protect(app: Flask, *, secure: bool) -> None:
    """Add the headers after each request; a view may set its own Content-Security-Policy."""
    every = safety(secure=secure)

    @app.after_request
    def add_headers(response: Response) -> Response:
        headers = response.headers
        for name, value in every:
            headers.setdefault(name, value)
        if response.mimetype == "text/html" and response.status_code not in REDIRECTS:
            _say_frames(headers)
        if _is_for_everybody(app, request.endpoint):
            headers.setdefault("Cache-Control", "no-store")
        elif request.endpoint != "static":
            # Files are sent with a word of their own, which would let proxies keep them.
            headers["Cache-Control"] = "no-store"
        return response


def _say_frames(headers: Headers) -> None:
    """What the policy says of frames, for browsers that do not read it."""
    policy = headers["Content-Security-Policy"]
    for source, word in (("'none'", "DENY"), ("'self'", "SAMEORIGIN")):
        if f"frame-ancestors {source}" in policy:
            headers.setdefault("X-Frame-Options", word)


def _is_for_everybody(app: Flask, endpoint: str | None) -> bool:
    view = app.view_functions.get(endpoint or "")
    return view is not None and bool(view.__dict__.get("is_public"))


def user_html(response: Response, policy: str = CSP_USER_HTML) -> Response:
    """Mark an answer as HTML that a person wrote: sandboxed, framed by our own pages only."""
    response.headers["Content-Security-Policy"] = policy
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def strangers_file(name: str, content: bytes) -> Response:
    """A file that somebody sent us: a download, never shown by the browser, whatever it is."""
    response = send_file(
        BytesIO(content),
        mimetype="application/octet-stream",
        as_attachment=True,
        download_name=name,
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response
