"""Tidying up after programs."""

from __future__ import annotations

from app.api import repeats
from app.core.db import transaction


def clean_up() -> int:
    """Forget answers to requests that nobody repeats any more; returns how many."""
    with transaction():
        return repeats.forget_old()
