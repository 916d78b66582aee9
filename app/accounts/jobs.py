"""Timed work of accounts."""

from __future__ import annotations

from app.accounts import notices


def send_due_notices() -> int:
    """Called by the tick every half second."""
    return notices.send_due()
