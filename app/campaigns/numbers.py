"""How many people a campaign reaches, remembered for a while. Pages never wait for it.

In a small account people are counted at once; else a worker counts, the page looks in again, and
an old number stays until there is a new one.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from app.campaigns import audience
from app.campaigns.models import Campaign
from app.contacts.segments import counting
from app.core import queue_server
from app.core.clock import now

#: Lists change without the campaign; a number is good for so long, and for as many times as long
#: as it took.
FRESH_S = 10
FRESH_TIMES = 100
#: An old number is kept so long, to be shown while it is counted again.
KEPT_S = 86_400


@dataclass(frozen=True)
class Numbers:
    """Who gets it, and who does not, by reason (audience.left_out)."""

    count: int
    left_out: dict[str, int]
    is_old: bool = False
    """It is to be counted again."""

    @property
    def left_out_sum(self) -> int:
        return sum(self.left_out.values())


def numbers(campaign: Campaign) -> Numbers:
    """Counted now, or some seconds ago. What is sent is worked out when it is planned."""
    try:
        known = remembered(campaign)
    except queue_server.AWAY:
        return fresh(campaign)
    return known if known and not known.is_old else count_now(campaign)


def shown(campaign: Campaign) -> Numbers | None:
    """For pages, without counting many; None where nobody counted yet. Of None and what is old,
    have a worker count."""
    try:
        known = remembered(campaign)
    except queue_server.AWAY:
        return fresh(campaign)  # no worker could be asked
    if (known is None or known.is_old) and counting.is_small(campaign.account_id):
        return count_now(campaign)
    return known


def count_now(campaign: Campaign) -> Numbers:
    """Count, and remember it."""
    began = time.monotonic()
    found = fresh(campaign)
    took = time.monotonic() - began
    kept = json.dumps([found.count, found.left_out, now().timestamp(), took])
    try:
        queue_server.client().set(_key(campaign), kept, ex=KEPT_S)
    except queue_server.AWAY:
        return found
    return found


def fresh(campaign: Campaign) -> Numbers:
    """Counted now."""
    return Numbers(*audience.count_both(campaign))


def remembered(campaign: Campaign) -> Numbers | None:
    """What was counted last of the campaign as it stands. Raises queue_server.AWAY."""
    known = queue_server.client().get(_key(campaign))
    if not isinstance(known, bytes):
        return None
    count, left_out, at, took = json.loads(known)
    good_for = max(FRESH_S, FRESH_TIMES * took)
    is_fresh = 0 <= now().timestamp() - at <= good_for
    return Numbers(count, left_out, is_old=not is_fresh)


def _key(campaign: Campaign) -> str:
    return f"reach:{campaign.id}:{campaign.version}"
