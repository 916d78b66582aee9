"""Timed work of auth."""

from __future__ import annotations

from app.auth import tidying
from app.core.db import transaction


def clean_up() -> None:
    """Called by the tick every hour."""
    with transaction():
        tidying.clean_up()
