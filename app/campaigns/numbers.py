"""How many people a campaign reaches, remembered for some seconds so that pages stay quick."""

from __future__ import annotations

import json
from dataclasses import dataclass

from app.campaigns import audience
from app.campaigns.models import Campaign
from app.core import queue_server

#: Lists change without the campaign; a number on a page may be this old.
FRESH_S = 10


@dataclass(frozen=True)
class Numbers:
    """Who gets it, and who does not, by reason (audience.left_out)."""

    count: int
    left_out: dict[str, int]

    @property
    def left_out_sum(self) -> int:
        return sum(self.left_out.values())


def numbers(campaign: Campaign) -> Numbers:
    """For showing; what is sent is worked out when it is planned."""
    key = f"audience:{campaign.id}:{campaign.version}"
    try:
        known = queue_server.client().get(key)
    except queue_server.AWAY:
        return fresh(campaign)
    if isinstance(known, bytes):
        count, left_out = json.loads(known)
        return Numbers(count, left_out)
    found = fresh(campaign)
    try:
        queue_server.client().set(key, json.dumps([found.count, found.left_out]), ex=FRESH_S)
    except queue_server.AWAY:
        return found
    return found


def fresh(campaign: Campaign) -> Numbers:
    """Counted now."""
    return Numbers(*audience.count_both(campaign))
