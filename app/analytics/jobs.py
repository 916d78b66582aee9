"""What the tick calls. Harmless when run twice, or by several at once."""

from __future__ import annotations

from app.analytics import salting, taking


def take_views() -> None:
    """Views of public pages become sums by day."""
    taking.take_views()


def forget_salt() -> None:
    """Yesterday's, where it might still lie."""
    salting.forget()
