"""What the tick does for plans and paying."""

from __future__ import annotations

from app.billing import looking, settling, standing, telling


def look() -> int:
    """Ask the provider about everybody who is due."""
    return looking.look_at_due()


def tend() -> None:
    """Give back, remind, end what is over, tell who is near a limit."""
    settling.settle_due()
    standing.end_due_grants()
    looking.chase_due()
    telling.tell_waiting()
    telling.tell_due()
