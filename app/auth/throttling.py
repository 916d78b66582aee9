"""How often somebody may try. Counted by the queue server, or in memory while that is away.

Windows of growing length make the wait grow with the number of wrong tries. Only wrong ones
count. Nobody can lock another person out: the tight limits are per address *and* network, a
browser in which the person has signed in before is counted by itself, and the way by mail stays
open.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Response, abort, request
from flask_limiter import RequestLimit
from limits import RateLimitItem

from app.auth import browsers, known_browsers, signing_in
from app.auth.current import current_session
from app.core import networks, queue_server, tokens
from app.core.db import transaction
from app.extensions import limiter

#: Tries that are looked at together; a double click is two.
AT_ONCE = 3
FORGOTTEN_S = 20
WAIT = "Too many tries. Wait some minutes, or set a new password by mail."
ENOUGH = "We have mailed several links to this address. Look for them, also among the junk mail."


def network() -> str:
    """Where somebody comes from: /24 of IPv4, /48 of IPv6."""
    return networks.shortened(request.remote_addr) or "unknown"


def address() -> str:
    """The address that was typed, unreadable."""
    return tokens.hashed(request.form.get("email", "").strip().casefold()[:320])[:32]


def address_and_network() -> str:
    """Both together; browsers in which the person has signed in before are counted apart."""
    return f"{address()} {'own' if is_own_browser() else network()}"


def is_own_browser() -> bool:
    """Whether whoever has the typed address has signed in in this browser before."""
    cookie = browsers.known_cookie()
    if not cookie:
        return False  # and nobody is looked up for who brings none
    return known_browsers.is_known(signing_in.find(request.form.get("email", "")), cookie)


def this_session() -> str:
    """The session that asks."""
    return str(current_session().id)


def _was_wrong(response: Response) -> bool:
    return response.status_code == 422


def _warn(_limit: RequestLimit) -> None:
    with transaction():
        signing_in.warn(request.form.get("email", ""))


View = Callable[..., Any]


def sign_in(view: View) -> View:
    """For the form with a password."""
    view = _few_at_once(view, address_and_network)
    view = _limit(view, "5/minute;15/10 minutes;30/hour;60/day", address_and_network, WAIT, _warn)
    view = _limit(view, "100/hour;300/day", address, WAIT, _warn, unless=is_own_browser)
    return _limit(view, "60/minute;300/hour", network, WAIT)


def confirm(view: View) -> View:
    """For proving once more who one is: a thief of the browser may guess no more than others."""
    view = _few_at_once(view, this_session)
    return _limit(view, "5/minute;15/10 minutes;30/hour;60/day", this_session, WAIT)


def advice(view: View) -> View:
    """For what is asked at every pause of typing."""
    return _limit_all(view, "120/minute;2000/hour", network, "Too many requests. Wait a minute.")


def mails_link(view: View) -> View:
    """For forms that mail a link to the address that was typed."""
    view = _limit_all(view, "3/hour;10/day", address_and_network, ENOUGH)
    view = _limit_all(view, "10/hour;30/day", address, ENOUGH)
    return _limit_all(view, "30/hour;200/day", network, "Too many requests. Come back in an hour.")


def secrets(view: View) -> View:
    """For pages behind a random secret."""
    return _limit_all(view, "60/minute;600/hour", network, "Too many tries. Wait a minute.")


def letters(windows: str, refuse: Callable[[str], Response]) -> Callable[[View], View]:
    """For forms in which somebody writes: what was taken counts, mistyping does not. `refuse`
    answers with what was written still in the form; it is told how long to wait."""

    def answer(limit: RequestLimit) -> Response:
        return refuse(pause(limit.limit))

    def was_taken(response: Response) -> bool:
        return response.status_code < 400

    return limiter.limit(windows, key_func=network, deduct_when=was_taken, on_breach=answer)


def pause(limit: RateLimitItem) -> str:
    """What to do where a limit is reached, by how long its window is."""
    window = limit.GRANULARITY.name
    when = {"day": "a day", "hour": "an hour"}.get(window, "a minute")
    return f"Wait {when}, then go on."


def _few_at_once(view: View, key: Callable[[], str]) -> View:
    """A wrong try counts once it was answered: of a hundred that come together all would be looked
    at. While the queue server is away, they are."""

    @wraps(view)
    def guarded(*args: Any, **values: Any) -> Any:
        if not limiter.enabled:
            return view(*args, **values)
        name = f"at-once:{view.__name__}:{key()}"
        try:
            number = _come(name)
        except queue_server.AWAY:
            return view(*args, **values)
        try:
            if number > AT_ONCE:
                abort(429, WAIT)
            return view(*args, **values)
        finally:
            with contextlib.suppress(*queue_server.AWAY):
                queue_server.client().decr(name)

    return guarded


def _come(name: str) -> int:
    """How many are looked at now, with this one; forgotten soon, for some never go."""
    with queue_server.client().pipeline(transaction=False) as line:
        line.incr(name)
        line.expire(name, FORGOTTEN_S)
        number, _ = line.execute()
    return int(number)


def _limit(
    view: View,
    windows: str,
    key: Callable[[], str],
    words: str,
    on_breach: Callable[[RequestLimit], None] | None = None,
    unless: Callable[[], bool] | None = None,
) -> View:
    limit = limiter.limit(
        windows,
        key_func=key,
        deduct_when=_was_wrong,
        on_breach=on_breach,
        error_message=words,
        scope=key.__name__,
        exempt_when=unless,
    )
    return limit(view)


def _limit_all(view: View, windows: str, key: Callable[[], str], words: str) -> View:
    return limiter.limit(windows, key_func=key, error_message=words, scope=key.__name__)(view)
