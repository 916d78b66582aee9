"""What the tick calls. Harmless when run twice, or by several at once."""

from __future__ import annotations

from app.analytics import salting, taking
from app.core.db import transaction


def take_views() -> None:
    """Views of public pages become sums by day."""
    taking.take_views()


def clean_up() -> None:
    """Forget yesterday's salt where it might still lie, and the sums of days long past."""
    salting.forget()
    with transaction():
        taking.forget_old()
