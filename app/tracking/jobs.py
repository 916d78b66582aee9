"""What the tick calls. Harmless when run twice, or by several at once."""

from __future__ import annotations

from app.tracking import intake


def take_hits() -> None:
    """Hits on the links of mails become Events and counters."""
    intake.take_hits()
