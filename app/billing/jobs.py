"""What the tick does for plans and paying."""

from __future__ import annotations

from datetime import timedelta

from app.billing import events, looking, settling, standing, telling
from app.core.clock import now
from app.core.db import transaction

#: Long after the provider has given up, and after which no event is taken any more.
KEPT = timedelta(days=90)


def look() -> int:
    """Ask the provider about everybody who is due."""
    return looking.look_at_due()


def tend() -> None:
    """Give back, remind, end what is over, tell who is near a limit."""
    settling.settle_due()
    with transaction():
        standing.end_due_grants()
    looking.chase_due()
    telling.tell_waiting()
    telling.tell_due()


def clean_up() -> None:
    """Forget the numbers of old events."""
    with transaction():
        events.forget_old(now() - KEPT)
