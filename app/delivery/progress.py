"""How far a campaign is and how fast it goes, from kept rows: nothing is counted."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.accounts import ladder, relays, warming
from app.campaigns.models import Campaign
from app.core.clock import now
from app.core.db import db
from app.delivery import reading, slowing, tallying
from app.delivery.models import Beat, Outage
from app.delivery.receipts import receipt
from app.delivery.tallying import SLOT_S

#: Over how many past slots the rate is taken.
SLOTS = 6
#: The owner is told when a mail server says nothing for so long.
SILENCE_S = 20


@dataclass(frozen=True)
class Progress:
    """A sending campaign, now."""

    intended: int
    done: int
    """Recipients whose mail will not change by itself any more."""
    rate_per_s: float
    seconds_left: int | None
    """None while nothing can be said."""
    is_planned: bool
    waiting_for: str
    """Why nothing goes out at the moment; empty when it does."""
    slowed: list[str]
    """A line for each mailbox provider that gets its mail slowly."""


def progress(campaign: Campaign) -> Progress:
    """A few small statements, however large the campaign is."""
    numbers = receipt(campaign.id)
    is_sending = campaign.state == "sending"
    rate = _rate(campaign) if is_sending else 0.0
    left = round(numbers.pending / rate) if rate and numbers.pending else None
    return Progress(
        intended=numbers.intended,
        done=numbers.intended - numbers.pending,
        rate_per_s=rate,
        seconds_left=left,
        is_planned=campaign.planned_at is not None,
        waiting_for=_why_nothing_goes(campaign, rate) if is_sending else "",
        slowed=_slowed(campaign) if is_sending else [],
    )


def panel(campaign: Campaign) -> dict[str, Any]:
    """What the fragment delivery/_progress.html shows."""
    return {
        "progress": progress(campaign),
        "receipt": receipt(campaign.id),
        "diary": reading.diary(campaign),
    }


def _rate(campaign: Campaign) -> float:
    current = int(time.time()) // SLOT_S
    total = db.session.scalar(
        sa.select(sa.func.sum(Beat.n)).where(
            Beat.campaign_id == campaign.id, Beat.slot > current - SLOTS
        )
    )
    begun = campaign.planned_at or campaign.started_at
    if not total or begun is None:
        return 0.0
    window = SLOT_S * (SLOTS - 1) + time.time() % SLOT_S
    return float(total) / max(1.0, min(window, (now() - begun).total_seconds()))


def _slowed(campaign: Campaign) -> list[str]:
    keys = relays.keys_for(campaign.account_id, campaign.from_email)
    return slowing.now_slowed(campaign.id, keys, campaign.account.zone)


def _why_nothing_goes(campaign: Campaign, rate: float) -> str:
    said = _outage(campaign) or _warm_up(campaign)
    return said or ("" if rate else _silence(campaign))


def _silence(campaign: Campaign) -> str:
    """A mail server that takes its time: RFC 5321 (4.5.3.2) lets it have up to ten minutes."""
    if not tallying.count(campaign.id, "sending"):
        return ""
    slot = db.session.scalar(
        sa.select(sa.func.max(Beat.slot)).where(Beat.campaign_id == campaign.id)
    )
    heard_at = (slot + 1) * SLOT_S if slot else (campaign.planned_at or now()).timestamp()
    seconds = int(time.time() - heard_at)
    if seconds < SILENCE_S:
        return ""
    return (
        f"The mail server has not answered for {seconds} seconds. "
        "Mail servers may take up to ten minutes; nothing is lost meanwhile."
    )


def _warm_up(campaign: Campaign) -> str:
    words = ladder.spent(campaign.account_id) or warming.waits(
        campaign.account_id, campaign.from_email
    )
    at = warming.tomorrow().astimezone(campaign.account.zone)
    return f"{words} This campaign goes on at {at:%H:%M}." if words else ""


def _outage(campaign: Campaign) -> str:
    outage = None
    for relay in relays.in_turn(campaign.account_id, campaign.from_email):
        outage = db.session.get(Outage, relay.key)
        if outage is None:
            return ""  # at least one carries on
    return f"Waiting for the mail server. {outage.reason}" if outage else ""
