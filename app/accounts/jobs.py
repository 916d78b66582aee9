"""Timed work of accounts."""

from __future__ import annotations

from app.accounts import domains, notices


def send_due_notices() -> int:
    """Called by the tick every half second."""
    return notices.send_due()


def check_domains() -> int:
    """Called by the tick every hour; each sending domain has its turn once a day."""
    return domains.check_due()
