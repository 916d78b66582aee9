"""Reports of mail providers: is it really theirs, and what does it say? Pure, but for a fetch.

One module a provider, each with `check` (who posted this) and `read` (what it means).
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from app.mailer.providers import mailgun, postmark, sendgrid, ses
from app.mailer.providers.common import Fetch, Posted, Told


class Provider(Protocol):
    """What a module of this package does."""

    def check(self, posted: Posted, key: str, *, at: datetime, fetch: Fetch) -> str:
        """A name for the report, the same each time it comes. Raises Refused, Unavailable."""

    def read(self, body: bytes) -> list[Told]:
        """What it says, mail by mail. Raises Refused for what is malformed."""


PROVIDERS: dict[str, Provider] = {
    "ses": ses, "postmark": postmark, "sendgrid": sendgrid, "mailgun": mailgun,
}  # fmt: skip
NAMES = {
    "ses": "Amazon SES", "postmark": "Postmark", "sendgrid": "SendGrid", "mailgun": "Mailgun",
}  # fmt: skip
