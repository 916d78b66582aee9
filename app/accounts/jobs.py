"""Timed work of accounts."""

from __future__ import annotations

from app.accounts import api_tokens, domains, notices
from app.core import books, resealing


def send_due_notices() -> int:
    """Called by the tick every half second."""
    return notices.send_due()


def check_domains() -> int:
    """Called by the tick every hour; each sending domain has its turn once a day."""
    return domains.check_due()


def warn_of_tokens() -> int:
    """Called by the tick every hour: tokens that end within a week."""
    return api_tokens.warn_due()


def keep_secrets() -> int:
    """Called by the tick every half minute: after a rotation, brings sealed values over."""
    return resealing.tend()


def keep_books() -> int:
    """Called by the tick: chains what nobody chained, and verifies each chain once a day."""
    return books.tend()
