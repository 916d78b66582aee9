"""What the tick calls. Harmless when run twice, or by several at once."""

from __future__ import annotations

from app.desk import arriving


def take_letters() -> None:
    """Mail to the operator's address becomes tickets, replies, or people who leave."""
    arriving.take_letters()
