"""An account's own mail server: set, tested in plain words, and never a way into our network."""

from __future__ import annotations

import dataclasses
import ipaddress
import socket

import sqlalchemy as sa

from app.accounts import auditing
from app.accounts.models import Account, Member, Relay, Sender
from app.core import sealing
from app.core.db import db
from app.core.errors import DomainError, Invalid
from app.mailer.smtp import RelaySettings

MAIL_PORTS = (25, 465, 587, 2525)
TLS_WORDS = ("starttls", "implicit", "opportunistic", "none")


class Unreachable(DomainError):
    """The name leads nowhere, or to a place that a customer's mail may not go."""

    status = 422


def set_up(
    account: Account,
    by: Member,
    *,
    host: str,
    port: int,
    tls: str,
    username: str = "",
    password: str | None = None,
) -> Relay:
    """Let all senders of the account use this server. `password` None keeps the stored one.

    A stored password is only kept for the server it was given for.
    """
    host = host.strip().rstrip(".").lower()
    _check_port(account, port)
    relay = of_account(account.id)
    if relay is None:
        relay = Relay(account_id=account.id, name=host, host=host, port=port)
        db.session.add(relay)
    elif password is None and (relay.host, relay.username) != (host, username):
        relay.sealed_password = None
    relay.name = relay.host = host
    relay.port, relay.tls, relay.username = port, tls, username
    if password is not None:
        relay.sealed_password = sealing.seal(password) if password else None
    db.session.flush()
    db.session.execute(
        sa.update(Sender).where(Sender.account_id == account.id).values(relay_id=relay.id)
    )
    auditing.note(account, by, "mail_server.set", f"{host}:{port}")
    return relay


def remove(account: Account, by: Member) -> None:
    """Go back to the operator's server."""
    relay = of_account(account.id)
    if relay is None:
        return
    db.session.execute(
        sa.update(Sender).where(Sender.account_id == account.id).values(relay_id=None)
    )
    db.session.delete(relay)
    auditing.note(account, by, "mail_server.remove", f"{relay.host}:{relay.port}")


def of_account(account_id: int) -> Relay | None:
    """The account's own mail server, where it has set one."""
    return db.session.scalar(
        sa.select(Relay).where(Relay.account_id == account_id).order_by(Relay.id).limit(1)
    )


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
    )
    if vouched:
        return settings
    if relay.port not in MAIL_PORTS:
        raise Unreachable(_PORTS)
    return dataclasses.replace(settings, pinned=public_address(relay.host, relay.port))


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
        if not _is_public(address):
            raise Unreachable(f"{host} is not a public mail server, so mail cannot go there.")
    return addresses[0]


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    inner = _inside(parsed)
    return parsed.is_global and not parsed.is_multicast and (inner is None or inner.is_global)


def _inside(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for: mapped, 6to4, Teredo or NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    teredo = address.teredo
    if address in ipaddress.ip_network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)
