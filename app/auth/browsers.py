"""A browser in two words, for the list of sessions; and the cookie by which it is known again."""

from __future__ import annotations

from flask import Response, current_app, request

PROGRAMS = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"), ("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)  # fmt: skip
SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"),
    ("Mac OS X", "Mac"), ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip


def named(user_agent: str) -> str:
    """Firefox on Linux; Unknown browser where it does not say."""
    program = next((name for mark, name in PROGRAMS if mark in user_agent), "Unknown browser")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    return f"{program} on {system}" if system else program


def known_cookie() -> str | None:
    """The secret by which this browser is known, where it is."""
    return request.cookies.get(_known_name())


def keep_known(response: Response, secret: str, *, seconds: int) -> None:
    """Give the browser the secret to keep."""
    response.set_cookie(
        _known_name(),
        secret,
        max_age=seconds,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )


def _known_name() -> str:
    return f"{current_app.config['SESSION_COOKIE_NAME']}-known"
