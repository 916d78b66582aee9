"""What the tick calls. Harmless when run twice, or by several at once."""

from __future__ import annotations

from app.tracking import inbound, intake


def take_hits() -> None:
    """Hits on the links of mails become Events and counters."""
    intake.take_hits()


def take_mail() -> None:
    """Bounces, and people who leave by mail."""
    inbound.take_mail()
