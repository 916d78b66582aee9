"""Queue and tick of the staff console."""

from __future__ import annotations

from app.core.db import transaction
from app.staff import looking


def close_looks() -> None:
    """Write into the books which looks were over by time."""
    if looking.are_over():
        with transaction():
            looking.close_over()
