"""How often visitors may try: told friends by network and address, passwords by link and network.

Call these inside a request; each counts once and raises RateLimitExceeded.
"""

from __future__ import annotations

from flask import request
from flask_limiter import RateLimitExceeded

from app.auth import throttling
from app.extensions import limiter

#: Friends that one network may tell, and all who read one mail.
TELL_PER_NETWORK, TELL_PER_NETWORK_UNPROVED = "10/hour;30/day", "4/hour;10/day"
TELL_PER_PAGE = "100/hour;500/day"
#: One address, from everywhere and about whatever: most of these are answered and send nothing.
TELL_PER_ADDRESS = "3/hour;6/day"
#: Passwords for one link: by network, and by everybody together.
TRIES, TRIES_PER_LINK = "5/minute;20/hour", "100/hour"


def _page() -> str:
    values = request.view_args or {}
    return f"{values.get('archive_slug', '')}/{values.get('page_slug', '')}"


def _link() -> str:
    return str((request.view_args or {}).get("token", ""))[:80]


def _link_and_network() -> str:
    return f"{_link()} {throttling.network()}"


@limiter.shared_limit(TELL_PER_NETWORK, scope="told by network", key_func=throttling.network)
@limiter.shared_limit(TELL_PER_PAGE, scope="told by page", key_func=_page)
def count_telling() -> None:
    """A friend is to be told."""


@limiter.shared_limit(TELL_PER_NETWORK_UNPROVED, scope="told unproved", key_func=throttling.network)
def count_unproved() -> None:
    """And no work was proved: tighter."""


@limiter.shared_limit(TELL_PER_ADDRESS, scope="told by address", key_func=throttling.address)
def _count_address() -> None:
    """The address was typed in."""


def is_address_told_too_often() -> bool:
    """The caller answers as ever, and does nothing."""
    try:
        _count_address()
    except RateLimitExceeded:
        return True
    return False


@limiter.shared_limit(TRIES, scope="share password", key_func=_link_and_network)
@limiter.shared_limit(TRIES_PER_LINK, scope="share password of all", key_func=_link)
def count_try() -> None:
    """A password was tried. Right ones count too: nobody needs many."""
