"""What workers do for the pages of campaigns."""

from __future__ import annotations

from app.campaigns import numbers
from app.campaigns.models import Campaign
from app.core.db import db
from app.core.jobs import enqueue


def count_people(campaign_id: int) -> None:
    """Count whom a campaign reaches. Nothing is lost with it: the page that waits asks again."""
    campaign = db.session.get(Campaign, campaign_id)
    if campaign is not None:
        numbers.count_now(campaign)


def wake_count(campaign_id: int, version: int) -> bool:
    """Have a worker count."""
    return enqueue(count_people, campaign_id, key=f"people-{campaign_id}-{version}", on="work")
