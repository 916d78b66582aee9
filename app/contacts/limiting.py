"""How often somebody may sign people up, from one network, with one address, into one form.

Call these inside a request; each counts once and raises RateLimitExceeded. Shared by all pages
and by the API, so that going round by another door gains nothing.
"""

from __future__ import annotations

from flask import request
from flask_limiter import RateLimitExceeded

from app.auth import throttling
from app.extensions import limiter

#: From one network (/24 of IPv4, /48 of IPv6): with work proved, and without.
PER_NETWORK, PER_NETWORK_UNPROVED = "120/hour;500/day", "20/hour;60/day"
#: Into one form, from everywhere.
PER_FORM, PER_FORM_UNPROVED = "2000/hour", "300/hour"
#: With one address, from everywhere and into whatever form.
PER_ADDRESS = "5/hour;20/day"
#: By programs of owners, which have a token: one at a time is what a website needs.
PER_PROGRAM = "600/hour;3000/day"


def _form() -> str:
    return str((request.view_args or {}).get("slug", ""))


@limiter.shared_limit(PER_NETWORK, scope="sign-ups by network", key_func=throttling.network)
@limiter.shared_limit(PER_FORM, scope="sign-ups by form", key_func=_form)
def count() -> None:
    """A form was sent in."""


@limiter.shared_limit(
    PER_NETWORK_UNPROVED, scope="unproved by network", key_func=throttling.network
)
@limiter.shared_limit(PER_FORM_UNPROVED, scope="unproved by form", key_func=_form)
def count_unproved() -> None:
    """And nothing was proved: tighter."""


@limiter.shared_limit(PER_PROGRAM, scope="asked by programs", key_func=throttling.network)
def count_program() -> None:
    """A program had somebody asked to confirm."""


@limiter.shared_limit(PER_ADDRESS, scope="sign-ups by address", key_func=throttling.address)
def _count_address() -> None:
    """The address was typed in."""


def is_address_asked_too_often() -> bool:
    """One address typed in again and again: the caller answers as ever, and does nothing."""
    try:
        _count_address()
    except RateLimitExceeded:
        return True
    return False
