"""Giving back what campaigns did not use of what was taken for them."""

from __future__ import annotations

import sqlalchemy as sa

from app.campaigns.models import Campaign
from app.core.db import db, transaction
from app.delivery.models import Tally
from app.plans import allowance
from app.plans.models import Reservation

AT_ONCE = 100
#: Went out, or may have; whatever became of it then.
USED = ("sent", "failed", "uncertain")
#: Not decided yet.
OPEN = ("pending", "sending", "deferred")


def settle_due() -> int:
    """Campaigns that are over; returns how many. Several at once do no harm."""
    is_open = sa.exists().where(
        Tally.campaign_id == Reservation.campaign_id, Tally.state.in_(OPEN), Tally.n > 0
    )
    over = db.session.scalars(
        sa.select(Reservation.campaign_id)
        .join(Campaign, Campaign.id == Reservation.campaign_id)
        .where(
            Reservation.settled_at.is_(None), Campaign.state.in_(("sent", "cancelled")), ~is_open
        )
        .order_by(Reservation.campaign_id)
        .limit(AT_ONCE)
    ).all()
    db.session.rollback()
    for campaign_id in over:
        with transaction():
            _settle(campaign_id)
    return len(over)


def _settle(campaign_id: int) -> None:
    taken = db.session.get(Reservation, campaign_id, populate_existing=True)
    if taken is None:
        return
    used = db.session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(Tally.n), 0)).where(
            Tally.campaign_id == campaign_id, Tally.state.in_(USED)
        )
    )
    allowance.settle(campaign_id, max(0, taken.mails - int(used or 0)))
