"""What the tick calls. Harmless when run twice, or by several at once."""

from __future__ import annotations

from app.core.db import transaction
from app.preferences import asking


def mail_links() -> None:
    """Links to preferences that people asked for by typing their address in."""
    asking.mail_links()


def clean_up() -> None:
    """Forget who asked long ago."""
    with transaction():
        asking.forget_old()
