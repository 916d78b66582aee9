"""How many people a campaign reaches, for pages, which never wait for it.

In a small account people are counted at once; else a worker counts, the page looks in again, and
an old number stays until there is a new one.
"""

from __future__ import annotations

from app.campaigns import jobs, numbers
from app.campaigns.models import Campaign
from app.contacts.segments import counting
from app.core import queue_server


def shown(campaign: Campaign) -> numbers.Numbers | None:
    """For pages; None while a worker counts for the first time."""
    try:
        known = numbers.remembered(campaign)
    except queue_server.AWAY:
        return numbers.fresh(campaign)  # no worker could be asked
    if known and not known.is_old:
        return known
    if counting.is_small(campaign.account_id):
        return numbers.count_now(campaign)
    jobs.wake_count(campaign.id, campaign.version)
    return known
