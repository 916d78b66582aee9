"""An account's own mail server: set, tested in plain words, and never a way into our network."""

from __future__ import annotations

import dataclasses
import re
import socket
from collections.abc import Sequence

import sqlalchemy as sa

from app.accounts import auditing
from app.accounts.models import Account, Member, Relay, Sender
from app.core import outside, sealing
from app.core.db import db
from app.core.errors import DomainError, Invalid
from app.core.owning import owned
from app.mailer.smtp import RelaySettings

MAIL_PORTS = (25, 465, 587, 2525)
AT_MOST = 20
TLS_WORDS = ("starttls", "implicit", "opportunistic", "none")


class Unreachable(DomainError):
    """The name leads nowhere, or to a place that a customer's mail may not go."""

    status = 422


@dataclasses.dataclass(frozen=True)
class Terms:
    """What an account's server is used for, and how much of it."""

    max_connections: int = 10
    weight: int = 1
    from_domains: str = ""
    per_second: int | None = None
    per_hour: int | None = None
    per_day: int | None = None


def set_up(
    account: Account,
    by: Member,
    *,
    host: str,
    port: int,
    tls: str,
    username: str = "",
    password: str | None = None,
    relay: Relay | None = None,
    terms: Terms | None = None,
) -> Relay:
    """Add a server, or change `relay`. `password` None keeps the stored one.

    A stored password is only kept for the server it was given for.
    """
    host = host.strip().rstrip(".").lower()
    _check_port(account, port)
    if relay is None:
        relay = _new(account, host, port)
    elif password is None and (relay.host, relay.username) != (host, username):
        relay.sealed_password = None
    relay.name = relay.host = host
    relay.port, relay.tls, relay.username = port, tls, username
    if password is not None:
        relay.sealed_password = sealing.seal(password) if password else None
    if terms is not None:
        _agree(relay, terms)
    db.session.flush()
    _point_senders(account)
    auditing.note(account, by, "mail_server.set", f"{host}:{port}")
    return relay


def _new(account: Account, host: str, port: int) -> Relay:
    others = all_of_account(account.id)
    if len(others) >= AT_MOST:
        raise Invalid(f"{AT_MOST} mail servers are enough. Remove one first.")
    last = max((other.position for other in others), default=0)
    relay = Relay(account_id=account.id, name=host, host=host, port=port, position=last + 1)
    db.session.add(relay)
    return relay


def _agree(relay: Relay, terms: Terms) -> None:
    for name, value in dataclasses.asdict(terms).items():
        setattr(relay, name, value)
    words = {word.strip("@").lower() for word in re.split(r"[\s,;]+", terms.from_domains) if word}
    wrong = sorted(word for word in words if not re.fullmatch(r"[^@\s]+\.[^@\s]+", word))
    if wrong:
        message = f"{wrong[0]} is no domain. Write example.com, without the part before the @."
        raise Invalid(message, {"from_domains": [message]})
    relay.from_domains = " ".join(sorted(words))


def _point_senders(account: Account) -> None:
    """Senders show whether their mail leaves through a server of the account's own."""
    first = of_account(account.id)
    db.session.execute(
        sa.update(Sender)
        .where(Sender.account_id == account.id)
        .values(relay_id=first.id if first else None)
    )


def remove(account: Account, by: Member, relay: Relay) -> None:
    """Use it no more. Without any, mail leaves through the operator's server."""
    db.session.delete(relay)
    db.session.flush()
    _point_senders(account)
    auditing.note(account, by, "mail_server.remove", f"{relay.host}:{relay.port}")


def move_up(account: Account, relay: Relay) -> None:
    """One place earlier in the order."""
    order = list(all_of_account(account.id))
    at = order.index(relay)
    if at:
        order[at - 1], order[at] = order[at], order[at - 1]
    for position, each in enumerate(order, 1):
        each.position = position
    db.session.flush()
    _point_senders(account)


def find(account: Account, relay_id: int) -> Relay:
    """One of the account's servers. Raises NotFound."""
    return owned(Relay, account.id, relay_id, "That mail server")


def all_of_account(account_id: int) -> Sequence[Relay]:
    """The account's own mail servers, in their order."""
    return db.session.scalars(
        sa.select(Relay).where(Relay.account_id == account_id).order_by(Relay.position, Relay.id)
    ).all()


def for_domain(account_id: int, from_email: str) -> Sequence[Relay]:
    """The account's own servers that mails From this address may leave through: those that are
    named for its domain, else those for all. None where all are named for other domains."""
    relays = all_of_account(account_id)
    domain = from_email.rpartition("@")[2].lower()
    special = [relay for relay in relays if domain in relay.from_domains.split()]
    common = [relay for relay in relays if not relay.from_domains]
    return special or common


def of_account(account_id: int) -> Relay | None:
    """The first of the account's own mail servers, where it has set one."""
    return next(iter(all_of_account(account_id)), None)


def connection(relay: Relay, *, vouched: bool) -> RelaySettings:
    """What the mail engine needs. Raises Unreachable.

    The name is resolved here and the engine connects to exactly that address, so that a name
    which changes its mind a second later leads nowhere else.
    """
    settings = RelaySettings(
        host=relay.host,
        port=relay.port,
        tls=relay.tls,
        username=relay.username,
        password=sealing.unseal(relay.sealed_password) if relay.sealed_password else "",
        max_connections=relay.max_connections,
        own=relay.id or 0,
        per_second=relay.per_second,
        per_hour=relay.per_hour,
        per_day=relay.per_day,
    )
    if vouched:
        return settings
    if relay.port not in MAIL_PORTS:
        raise Unreachable(_PORTS)
    return dataclasses.replace(settings, pinned=public_address(relay.host, relay.port))


def label(relay: Relay) -> str:
    """What people call it: two logins at one server are told apart."""
    return f"{relay.username} at {relay.host}" if relay.username else f"{relay.host}:{relay.port}"


def key(relay: Relay) -> str:
    """RelaySettings.key of a server, without asking where it is."""
    settings = RelaySettings(relay.host, relay.port, username=relay.username, own=relay.id or 0)
    return settings.key


_PORTS = "Mail servers listen on port 25, 465, 587 or 2525. Ask your mail provider which."


def _check_port(account: Account, port: int) -> None:
    if not account.vouched and port not in MAIL_PORTS:
        raise Invalid(_PORTS, {"port": [_PORTS]})


def public_address(host: str, port: int) -> str:
    """One address of a public mail server. Raises Unreachable, also when any other is private."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        raise Unreachable(
            f"There is no server named {host}. Check the name for a typing mistake."
        ) from None
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        if not outside.is_public(address):
            raise Unreachable(f"{host} is not a public mail server, so mail cannot go there.")
    return addresses[0]
