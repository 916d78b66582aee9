"""Networks from which nobody is let in: the operator's own rules, beside all limits.

Whoever reads a mail loses nothing by it: leaving, choosing and confirming are answered from
everywhere (`app.factory`).
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from app.accounts import auditing
from app.accounts.models import Member
from app.auth.models import BarredNetwork
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid, NotFound

AT_MOST = 500
#: Wider ones are a slip of the finger: a hundredth of all addresses at once.
WIDEST = {4: 8, 6: 16}
#: Each process asks the database so often.
FRESH_S = 5.0

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_known: tuple[float, tuple[Network, ...]] = (0.0, ())


def bar(by: Member, text: str, *, reason: str, days: int, own: str | None) -> BarredNetwork:
    """Answer nothing from there for some days; a network that is barred already gets the new end.

    `own` is where `by` sits. Raises Invalid.
    """
    network = _parsed(text)
    if _holds(network, own):
        raise _invalid("You are in that network yourself.")
    row = db.session.scalar(sa.select(BarredNetwork).where(BarredNetwork.network == str(network)))
    if row is None:
        if len(living()) >= AT_MOST:
            raise _invalid(f"{AT_MOST} networks are barred. Lift one first, or use your firewall.")
        row = BarredNetwork(network=str(network))
    row.reason, row.by_id, row.created_at = reason.strip()[:500], by.id, now()
    row.until = now() + timedelta(days=days)
    db.session.add(row)
    db.session.flush()
    auditing.note(None, by, "network.bar", f"{network} for {days} days")
    forget()
    return row


def lift(by: Member, row_id: int) -> str:
    """Answer from there again; returns the network. Raises NotFound."""
    network = db.session.execute(
        sa.delete(BarredNetwork).where(BarredNetwork.id == row_id).returning(BarredNetwork.network)
    ).scalar()
    if network is None:
        raise NotFound("That network")
    auditing.note(None, by, "network.lift", network)
    forget()
    return network


def living() -> Sequence[BarredNetwork]:
    """What is barred now, the newest first."""
    return db.session.scalars(
        sa.select(BarredNetwork)
        .where(BarredNetwork.until > now())
        .order_by(BarredNetwork.id.desc())
        .limit(AT_MOST)
    ).all()


def is_barred(address: str | None) -> bool:
    """Whether somebody from there is answered nothing; seconds old at most."""
    return any(_holds(network, address) for network in _barred())


def forget() -> None:
    """Ask the database at the next request."""
    global _known
    _known = (0.0, ())


def _barred() -> tuple[Network, ...]:
    global _known
    at, found = _known
    if not at or time.monotonic() - at > FRESH_S:
        try:
            found = tuple(ipaddress.ip_network(row.network) for row in living())
        except sa.exc.OperationalError:
            db.session.rollback()  # what was barred before stays so
        _known = (time.monotonic(), found)
    return found


def _holds(network: Network, address: str | None) -> bool:
    try:
        where = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return False
    return (getattr(where, "ipv4_mapped", None) or where) in network


def _parsed(text: str) -> Network:
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise _invalid("Write 203.0.113.7, 203.0.113.0/24 or 2001:db8::/48.") from None
    widest = WIDEST[network.version]
    if network.prefixlen < widest:
        raise _invalid(f"That is too much at once: /{widest} at most.")
    return network


def _invalid(words: str) -> Invalid:
    return Invalid(words, {"network": [words]})
