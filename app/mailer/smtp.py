"""Sending by SMTP: the names that the rest of LeaderSend uses."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from app.mailer.courier import Courier, Mail, Outcome
from app.mailer.relay import BadRelay, RelaySettings, Timeouts
from app.mailer.session import CannotConnect

__all__ = [
    "BadRelay",
    "CannotConnect",
    "Courier",
    "Mail",
    "Outcome",
    "RelaySettings",
    "Timeouts",
    "run",
    "send_all",
    "send_one",
]

Result = TypeVar("Result")

try:
    import uvloop

    _loop_factory: Any = uvloop.new_event_loop
except ImportError:  # only speed is lost
    _loop_factory = None


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end on the fastest event loop there is."""
    with asyncio.Runner(loop_factory=_loop_factory) as runner:
        return runner.run(work)


def send_one(
    relay: RelaySettings,
    envelope_from: str,
    rcpt: str,
    message: bytes,
    *,
    patience_s: float = 60,
) -> Outcome:
    """Send one mail now and wait for the answer; for notices and test mails."""
    mail = Mail(0, envelope_from, rcpt, message)
    return run(send_all(relay, [mail], patience_s=patience_s))[0]


async def send_all(
    relay: RelaySettings, mails: list[Mail], *, patience_s: float = 60
) -> list[Outcome]:
    """Send a few mails and wait; the outcomes in the order of the mails.

    A server that says nothing is waited for `patience_s`, not that long for each attempt.
    """
    outcomes: dict[int, Outcome] = {}
    relay = replace(relay, timeouts=relay.timeouts.cut(patience_s))

    def keep(done: list[Outcome]) -> None:
        outcomes.update((outcome.id, outcome) for outcome in done)

    courier = Courier(relay, on_content=lambda ids: None, on_outcomes=keep, knock_s=patience_s / 2)
    courier.put(mails)
    try:
        await courier.finish()
    finally:
        await courier.close()
    return [outcomes[mail.id] for mail in mails]
