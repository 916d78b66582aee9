"""What the tick calls. Harmless when run twice, or by several at once."""

from __future__ import annotations

from app.preferences import asking


def mail_links() -> None:
    """Links to preferences that people asked for by typing their address in."""
    asking.mail_links()
