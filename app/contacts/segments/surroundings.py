"""What a rule needs to know of its account before it can be read or asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from app.accounts.models import Account
from app.contacts.models import ContactField
from app.core import clock
from app.core.db import db


@dataclass(frozen=True)
class Surroundings:
    """An account at a moment."""

    account_id: int
    zone: ZoneInfo
    today: date
    types: Mapping[str, str]
    """The type of each custom field by its key."""


def of(account_id: int, *, at: datetime | None = None) -> Surroundings:
    """As things are now, or as if it were another moment."""
    name = db.session.scalar(sa.select(Account.zone_name).where(Account.id == account_id))
    zone = ZoneInfo(name or "UTC")
    fields = sa.select(ContactField.key, ContactField.type)
    rows = db.session.execute(fields.where(ContactField.account_id == account_id))
    today = (at or clock.now()).astimezone(zone).date()
    return Surroundings(account_id, zone, today, {row[0]: row[1] for row in rows})
