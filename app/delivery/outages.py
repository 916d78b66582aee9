"""Mail servers that are out: the circuit opens, the diary says so, and closes when one is back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import sqlalchemy as sa

from app.accounts import relays
from app.campaigns.models import Campaign
from app.core.clock import now
from app.core.db import db, insert
from app.delivery import tallying
from app.delivery.models import Outage
from app.mailer.smtp import RelaySettings


def begin(relay: RelaySettings, campaign_id: int, reason: str, *, knock_again: timedelta) -> None:
    """Nobody knocks for a while, nobody is blamed. Call inside a transaction."""
    moment = now()
    is_new = db.session.get(Outage, relay.key) is None
    row = insert(Outage).values(
        relay=relay.key, since=moment, until=moment + knock_again, reason=reason,
        campaign_id=campaign_id,
    )  # fmt: skip
    db.session.execute(
        row.on_conflict_do_update(
            index_elements=["relay"], set_={"until": row.excluded.until, "reason": reason}
        )
    )
    if is_new:
        words = f"Waiting for the mail server. {reason} We try again every few seconds."
        if has_stand_in(relay.key, campaign_id):
            words = f"The mail server {relay.host} is out. {reason} The others carry its share."
        tallying.note(campaign_id, words)


def end(relay: RelaySettings, campaign_id: int) -> None:
    """It takes mail again. Call inside a transaction."""
    if forget(relay.key):
        words = "The mail server is back. Sending goes on."
        if has_stand_in(relay.key, campaign_id):
            words = f"The mail server {relay.host} is back."
        tallying.note(campaign_id, words)


def forget(key: str) -> bool:
    """Somebody knows that the server (RelaySettings.key) is well; False when nobody doubted it."""
    over = db.session.execute(
        sa.delete(Outage)
        .where(Outage.relay == key)
        .returning(Outage.relay)
        .execution_options(synchronize_session=False)
    ).first()
    return over is not None


def known(keys: Iterable[str]) -> dict[str, Outage]:
    """Which of these servers did not answer when they were tried last."""
    rows = db.session.scalars(sa.select(Outage).where(Outage.relay.in_(list(keys))))
    return {row.relay: row for row in rows}


def has_stand_in(key: str, campaign_id: int) -> bool:
    """Whether another server may carry the campaign's mail and is not out."""
    campaign = db.session.get(Campaign, campaign_id)
    if campaign is None:
        return False
    others = {*relays.keys_for(campaign.account_id, campaign.from_email)} - {key}
    return bool(others - known(others).keys())
