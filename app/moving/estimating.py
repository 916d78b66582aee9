"""How much there is to take out, from kept counters: nothing is counted for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.accounts.models import Account
from app.campaigns.models import Campaign
from app.contacts import queries as contacts
from app.contacts.models import ContactList
from app.core.db import db
from app.delivery.models import Tally
from app.tracking.models import Score

#: Bytes of a row in the ZIP, as measured with a million people; a campaign has its texts besides.
CONTACT, PLACE, CONSENT, DELIVERY, EVENT, CAMPAIGN = 35, 9, 36, 15, 16, 20_000


@dataclass(frozen=True)
class Estimate:
    """What a take-out will hold, about."""

    people: int
    places: int
    """People on lists."""
    campaigns: int
    deliveries: int
    events: int

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        consents = max(self.people, self.places)
        return self.people + self.places + consents + self.deliveries + self.events

    @property
    def size_bytes(self) -> int:
        """Of the ZIP."""
        return (
            50_000
            + self.people * CONTACT
            + self.places * PLACE
            + max(self.people, self.places) * CONSENT
            + self.deliveries * DELIVERY
            + self.events * EVENT
            + self.campaigns * CAMPAIGN
        )


def estimate(account: Account) -> Estimate:
    """Four small statements."""
    places = sa.select(sa.func.sum(ContactList.active + ContactList.pending)).where(
        ContactList.account_id == account.id
    )
    own = sa.select(Campaign.id).where(Campaign.account_id == account.id)
    return Estimate(
        people=contacts.headcount(account),
        places=int(db.session.scalar(places) or 0),
        campaigns=_number(sa.select(sa.func.count()).select_from(own.subquery())),
        deliveries=_number(sa.select(sa.func.sum(Tally.n)).where(Tally.campaign_id.in_(own))),
        events=_number(
            sa.select(sa.func.sum(Score.hits)).where(Score.campaign_id.in_(own), Score.link_id == 0)
        ),
    )


def _number(query: sa.Select[Any]) -> int:
    return int(db.session.scalar(query) or 0)
