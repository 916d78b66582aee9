"""Which mail server carries a mail."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import cache

from app.accounts import mail_servers
from app.accounts.models import Account, Relay
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
    """The relay that mails From this address use now; the operator's where nothing else is set.

    Of several, each has its share by chance. Raises Unreachable where none of the account's own
    is a public mail server.
    """
    return next(in_turn(account_id, from_email))


def in_turn(account_id: int, from_email: str) -> Iterator[RelaySettings]:
    """All that may carry these mails, the one whose turn it is first. At least one.

    Those for the domain of the address go before those for all; those without a share come last,
    in their order. Where all are for other domains it is the operator's. Raises Unreachable as
    `for_sender`.
    """
    relays = mail_servers.for_domain(account_id, from_email)
    if not relays:
        yield operator()
        return
    vouched = db.session.get_one(Account, account_id).vouched
    problem: mail_servers.Unreachable | None = None
    reached = False
    for relay in _shuffled(relays):
        try:
            found = mail_servers.connection(relay, vouched=vouched)
        except mail_servers.Unreachable as error:
            problem = error
            continue
        reached = True
        yield found
    if not reached and problem is not None:
        raise problem


def keys_for(account_id: int, from_email: str) -> list[str]:
    """RelaySettings.key of all that may carry these mails, without asking where they are."""
    relays = mail_servers.for_domain(account_id, from_email)
    return [mail_servers.key(relay) for relay in relays] or [operator().key]


def _shuffled(relays: Sequence[Relay]) -> list[Relay]:
    """By chance according to weight (Efraimidis and Spirakis), then those without one."""
    chance = random.SystemRandom()
    sharing = [relay for relay in relays if relay.weight > 0]
    sharing.sort(key=lambda relay: chance.random() ** (1 / relay.weight), reverse=True)
    return [*sharing, *(relay for relay in relays if relay.weight <= 0)]
