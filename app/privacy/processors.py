"""Companies that handle data for the operator: those of settings, and those that staff enter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlsplit

import sqlalchemy as sa

from app.accounts import auditing, mailboxes
from app.accounts.models import Member
from app.config import Config
from app.core.clock import now
from app.core.db import db
from app.core.errors import NotFound
from app.privacy import policy
from app.privacy.models import Processor


@dataclass(frozen=True)
class Handled:
    """A processor as the register shows it."""

    name: str
    purpose: str
    data: str
    place: str
    since: date | None = None
    ended_on: date | None = None
    number: int = 0
    """Of its row; 0 where a setting names it."""


def of_settings(config: Config) -> list[Handled]:
    """Those that this installation works with at present, whatever anybody writes."""
    found = []
    if relay := policy.own_relay(config):
        found.append(Handled(relay, "Takes mail over and delivers it.",
                             "Mails, and the addresses of their recipients.",
                             "The mail server of that name."))  # fmt: skip
    if config.BACKUP_TO.startswith("s3:"):
        bucket = urlsplit(config.BACKUP_TO)
        host = dict(part.partition("=")[::2] for part in bucket.query.split("&")).get(
            "endpoint", ""
        )
        name = urlsplit(host).hostname or bucket.hostname or ""
        found.append(Handled(name, "Keeps backups.",
                             "All data, encrypted with a key that it does not have.",
                             "The storage of that name."))  # fmt: skip
    if config.BILLING and config.STRIPE_SECRET_KEY:
        found.append(Handled("Stripe", "Takes payments for plans and writes invoices.",
                             "Name and address for invoices, cards and tax numbers that customers "
                             "enter there; nothing of their contacts.",
                             "https://stripe.com/privacy"))  # fmt: skip
    if config.OIDC_ISSUER:
        found.append(Handled(urlsplit(config.OIDC_ISSUER).hostname or "",
                             f"Lets people of customers sign in ({config.OIDC_NAME}).",
                             "Who signs in through it, and when.",
                             "The service of that name."))  # fmt: skip
    if config.TRACKER_SCRIPT:
        found.append(Handled(config.TRACKER_NAME, "Counts visits of the public pages.",
                             "Network address and browser of visitors, and what they look at.",
                             config.TRACKER_POLICY))  # fmt: skip
    return found


def of_mailboxes() -> list[Handled]:
    """Where the operator's own mailboxes are, from which letters are read into the desk."""
    hosts = dict.fromkeys(one.host for one in mailboxes.of_operator())
    return [
        Handled(host, "Keeps the mailbox to which people write to us.",
                "Letters to us, and bounces.", "The mailbox server of that name.")
        for host in hosts
        if host not in policy.THIS_MACHINE
    ]  # fmt: skip


def added(*, with_ended: bool = True) -> Sequence[Handled]:
    """Those that staff entered, the present ones first."""
    query = sa.select(Processor).order_by(
        Processor.ended_on.is_not(None), Processor.name, Processor.id
    )
    if not with_ended:
        query = query.where(Processor.ended_on.is_(None))
    return [
        Handled(row.name, row.purpose, row.data, row.place, row.since, row.ended_on, row.id)
        for row in db.session.scalars(query.limit(200))
    ]


def add(words: Mapping[str, str], since: date, by: Member) -> None:
    """Enter one; `words` has name, purpose, data, place."""
    names = ("name", "purpose", "data", "place")
    row = Processor(**{name: words[name] for name in names}, since=since)
    db.session.add(row)
    auditing.note(None, by, "processor.add", row.name)


def end(number: int, by: Member) -> None:
    """It handles nothing any more, as of today; it stays in the register."""
    row = db.session.get(Processor, number) if number < 1 << 62 else None
    if row is None or row.ended_on:
        raise NotFound("That processor")
    row.ended_on = now().date()
    auditing.note(None, by, "processor.end", row.name)
