"""What the tick calls. Harmless when run twice, or by several at once."""

from __future__ import annotations

from app.trust import climbing, closing, forgetting


def keep_rules() -> int:
    """Forget what is over, rule by rule; returns how many."""
    return forgetting.keep_due()


def look_at_results() -> int:
    """Moves on the ladder of trust; returns how many."""
    return climbing.look_due()


def close_accounts() -> int:
    """Remind of accounts that are being closed, and erase those whose time has come."""
    return closing.tend()
