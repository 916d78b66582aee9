"""Where a form may send people afterwards: to pages of the owner's, by https, nowhere else.

The owner's are the business's website and the domains of confirmed senders, with their
subdomains. Domains where everybody has a mailbox prove nothing.
"""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

import sqlalchemy as sa

from app.accounts.models import Account, Sender
from app.core.db import db
from app.core.errors import Invalid
from app.mailer.mailbox_providers import DOMAINS


def check(account: Account, url: str) -> None:
    """Raises Invalid for an address that is not an https page of the owner's."""
    parts = _split(url)
    host = (parts.hostname or "").lower() if parts else ""
    if parts is None or parts.scheme != "https" or not host or "{" in parts.netloc:
        raise _wrong("Write the whole address of a page of yours, beginning with https://.")
    if "@" in parts.netloc or parts.port not in (None, 443):
        raise _wrong("Leave out names, passwords and port numbers before the first slash.")
    own = hosts(account)
    if not any(host == one or host.endswith(f".{one}") for one in own):
        known = ", ".join(sorted(own)) or "none yet"
        raise _wrong(
            f"{host} is not known to be yours. Yours are the website of your business and the "
            f"domains of your confirmed senders: {known}."
        )


def allowed(account: Account, url: str) -> bool:
    """Asked once more before somebody is sent there: what was yours may be so no longer."""
    try:
        check(account, url)
    except Invalid:
        return False
    return True


def hosts(account: Account) -> set[str]:
    """The host names that belong to the account."""
    emails = db.session.scalars(
        sa.select(Sender.email).where(
            Sender.account_id == account.id, Sender.confirmed_at.is_not(None)
        )
    )
    found = {email.rpartition("@")[2] for email in emails} - DOMAINS.keys()
    website = _split(account.website if "//" in account.website else f"https://{account.website}")
    if website and website.hostname:
        found.add(website.hostname.lower().removeprefix("www."))
    return found


def origin(url: str) -> str:
    """For the policy of the page whose form ends there."""
    parts = _split(url)
    return f"https://{parts.hostname}" if parts and parts.hostname else ""


def _split(url: str) -> SplitResult | None:
    if not url.isascii() or any(char <= " " or char == "\\" for char in url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _wrong(text: str) -> Invalid:
    return Invalid(text, {"redirect": [text]})
