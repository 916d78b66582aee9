"""What becomes of uncertain mails: proof of arrival, or the owner's word. Never by itself."""

from __future__ import annotations

import sqlalchemy as sa

from app.campaigns import restored
from app.campaigns.models import Campaign
from app.core.clock import now
from app.core.db import db
from app.core.errors import WrongState
from app.delivery import tallying
from app.delivery.models import Batch, Delivery, in_state


def prove_arrival(delivery_id: int) -> bool:
    """The recipient acted on the mail, so it arrived; False when that was known."""
    return _prove(delivery_id, "The recipient has opened or used this mail.")


def prove_departure(delivery_id: int) -> bool:
    """Something came back for the mail, so it had been sent; False when that was known."""
    return _prove(delivery_id, "A report about this mail came back.")


def prove_delivery(delivery_id: int) -> bool:
    """The mail provider handed it over to the other side; False when that was known."""
    return _prove(delivery_id, "The mail provider reports that it was delivered.")


def _prove(delivery_id: int, words: str) -> bool:
    campaign_id = db.session.execute(
        sa.update(Delivery)
        .where(Delivery.id == delivery_id, Delivery.state == "uncertain")
        .values(state="sent", lease=None, answer=words)
        .returning(Delivery.campaign_id)
        .execution_options(synchronize_session=False)
    ).scalar()
    if campaign_id is None:
        return False
    tallying.shift(campaign_id, tallying.moved("uncertain", "sent", 1))
    return True


def treat_as_sent(campaign: Campaign) -> int:
    """The owner takes all uncertain mails for arrived; returns how many."""
    n = _move(campaign, state="sent", lease=None)
    tallying.shift(campaign.id, tallying.moved("uncertain", "sent", n))
    if n:
        tallying.note(campaign.id, f"{n:,} uncertain mails are taken for sent, as you decided.")
    return n


def send_again(campaign: Campaign) -> int:
    """The owner sends uncertain mails once more, knowing that some may come twice.

    The campaign goes on where it was over. Returns how many. Raises WrongState.
    """
    if campaign.state not in ("sent", "sending", "paused"):
        raise WrongState("Only a campaign that was sent can send something again.")
    if campaign.is_sample:
        raise WrongState("This is sample data, and nothing of it is ever mailed.")
    if campaign.is_archive:
        raise WrongState("This campaign was sent elsewhere and taken in; it is only kept here.")
    restored.demand_confirmed()
    batches = (
        sa.select(Delivery.batch_id)
        .where(Delivery.campaign_id == campaign.id, in_state("uncertain"))
        .distinct()
    )
    db.session.execute(
        sa.update(Batch)
        .where(Batch.id.in_(batches), Batch.state == "done")
        .values(state="ready")
        .execution_options(synchronize_session=False)
    )
    n = _move(campaign, state="pending", lease=None, sent_at=None, answer=None)
    if not n:
        return 0
    tallying.shift(campaign.id, tallying.moved("uncertain", "pending", n))
    tallying.note(campaign.id, f"{n:,} uncertain mails are sent again, as you decided.")
    if campaign.state == "sent":
        campaign.move("sent", to="sending", finished_at=None, started_at=now())
    return n


def _move(campaign: Campaign, **values: object) -> int:
    result = db.session.execute(
        sa.update(Delivery)
        .where(Delivery.campaign_id == campaign.id, in_state("uncertain"))
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]
