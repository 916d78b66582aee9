"""Pausing, going on and stopping, by whom: the campaign moves, and its diary says so."""

from __future__ import annotations

from app.campaigns import scheduling
from app.campaigns.models import Campaign
from app.delivery import tallying


def pause(campaign: Campaign, who: str) -> None:
    """Stop sending; what is on its way at this moment ends. Raises CannotMove."""
    words = f"{who} paused it."
    scheduling.pause(campaign, words)
    tallying.note(campaign.id, words)


def resume(campaign: Campaign, who: str) -> None:
    """Go on where it stopped. Raises CannotMove."""
    scheduling.resume(campaign)
    tallying.note(campaign.id, f"{who} let it go on.")


def cancel(campaign: Campaign, who: str) -> None:
    """Never send what has not gone yet. Raises CannotMove."""
    scheduling.cancel(campaign)
    tallying.note(campaign.id, f"{who} stopped it for good.")
