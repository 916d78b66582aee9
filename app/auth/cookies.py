"""The session's cookie, and the pages that must not speak of it."""

from __future__ import annotations

from collections.abc import Collection

from flask import Flask, Response, request
from flask.sessions import SecureCookieSessionInterface, SessionMixin


class Sessions(SecureCookieSessionInterface):
    """Flask's own, but quiet on pages that are the same for everybody.

    Flask-Login looks into every session, whereupon Flask says that the answer depends on the
    cookie, and no server on the way may keep it.
    """

    def __init__(self, *, quiet: Collection[str]) -> None:
        """`quiet`: names of blueprints that read no cookie."""
        self.quiet = frozenset(quiet)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if request.blueprint in self.quiet and not session.modified:
            return
        super().save_session(app, session, response)
