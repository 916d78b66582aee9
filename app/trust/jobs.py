"""What the tick calls. Harmless when run twice, or by several at once."""

from __future__ import annotations

from app.trust import forgetting


def keep_rules() -> int:
    """Forget what is over, rule by rule; returns how many."""
    return forgetting.keep_due()
