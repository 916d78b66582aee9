"""Customers who agreed to be reached by post or by phone, as a list for the operator."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from app.contacts.exporting import MARK
from app.contacts.models import ChannelConsent, House, HouseContact
from app.contacts.rows import as_csv
from app.core.db import db
from app.core.errors import NotFound
from app.staff.following import CHANNELS
from app.staff.knowing import Customer, customers

CHUNK = 500
COLUMNS = {
    "post": ("Business", "Name", "Address", "Agreed on"),
    "phone": ("Business", "Name", "Phone", "Agreed on"),
}


def check(channel: str) -> None:
    """Raises NotFound."""
    if channel not in COLUMNS:
        raise NotFound("That list")


def rows(channel: str) -> Iterator[str]:
    """CSV, some hundred people at a time. Their consents are looked at as they stand now."""
    yield MARK + as_csv([COLUMNS[channel]])
    after = 0
    while ids := _members(after):
        known = customers(ids, waiting=False)
        yield as_csv(
            _row(channel, known[one])
            for one in ids
            if one in known and known[one].agreed(CHANNELS[channel]) and _place(channel, known[one])
        )
        after = ids[-1]


def numbers(house: House) -> dict[str, int]:
    """How many may be reached by each channel."""
    counted = (
        sa.select(ChannelConsent.channel, sa.func.count())
        .where(ChannelConsent.account_id == house.account_id, ChannelConsent.is_allowed)
        .group_by(ChannelConsent.channel)
    )
    found = dict(db.session.execute(counted).all())
    return {channel: found.get(channel, 0) for channel in COLUMNS}


def _members(after: int) -> list[int]:
    query = sa.select(HouseContact.member_id).where(HouseContact.member_id > after)
    return list(db.session.scalars(query.order_by(HouseContact.member_id).limit(CHUNK)))


def _place(channel: str, customer: Customer) -> str:
    """Where to write or call; empty where nothing is known."""
    business = customer.business
    return (business.address if business else "") if channel == "post" else customer.member.phone


def _row(channel: str, customer: Customer) -> list[str]:
    said_at = customer.said_at(CHANNELS[channel])
    return [
        customer.business.name if customer.business else "",
        customer.member.name,
        _place(channel, customer),
        f"{said_at:%Y-%m-%d}" if said_at else "",
    ]
