"""Which mail server carries a mail."""

from __future__ import annotations

from functools import cache

import sqlalchemy as sa

from app.accounts import mail_servers
from app.accounts.models import Account, Relay, Sender
from app.core import settings
from app.core.db import db
from app.mailer.smtp import RelaySettings


def operator() -> RelaySettings:
    """The operator's own relay, which also carries system mail."""
    return _from_url(settings.get().SMTP_URL)


@cache
def _from_url(url: str) -> RelaySettings:
    return RelaySettings.from_url(url)


def for_sender(account_id: int, from_email: str) -> RelaySettings:
    """The relay that mails From this address use; the operator's where nothing else is set.

    Raises Unreachable where the account's own server is no public mail server.
    """
    found = db.session.execute(
        sa.select(Relay, Account.vouched)
        .join(Sender, Sender.relay_id == Relay.id)
        .join(Account, Account.id == Sender.account_id)
        .where(Sender.account_id == account_id, Sender.email == from_email.lower())
    ).first()
    if found is None:
        return operator()
    return mail_servers.connection(found[0], vouched=found[1])
