"""Writing to owners about what the engine found: complaints, bounces, mail servers that are away.

The engine writes rows; here they become system mails, each once.
"""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from app.accounts import owners
from app.campaigns.models import Campaign
from app.core import settings
from app.core.clock import now
from app.core.db import db, transaction
from app.delivery import outages
from app.delivery.models import Alarm, Outage

#: A mail server that is back sooner is nobody's trouble.
LASTING = timedelta(minutes=10)
AT_ONCE = 50


def tell() -> int:
    """Queue what owners do not know yet; returns how many were told. Twice does no harm."""
    return _tell_alarms() + _tell_outages()


def _tell_alarms() -> int:
    keys = db.session.execute(
        sa.select(Alarm.campaign_id, Alarm.kind).where(Alarm.told_at.is_(None)).limit(AT_ONCE)
    ).all()
    db.session.rollback()
    return sum(_tell_alarm(campaign_id, kind) for campaign_id, kind in keys)


def _tell_alarm(campaign_id: int, kind: str) -> bool:
    with transaction():
        alarm = db.session.execute(
            sa.update(Alarm)
            .where(Alarm.campaign_id == campaign_id, Alarm.kind == kind, Alarm.told_at.is_(None))
            .values(told_at=now())
            .returning(Alarm.words, Alarm.is_paused)
            .execution_options(synchronize_session=False)
        ).first()
        campaign = db.session.get(Campaign, campaign_id)
        if alarm is None or campaign is None or campaign.is_sample:
            return False
        page = "progress" if kind == "refused" else "bounces"
        owners.tell(
            campaign.account_id, "campaign_alarm", name=campaign.name, words=alarm.words,
            is_paused=alarm.is_paused, url=_url(campaign, page),
        )  # fmt: skip
    return True


def _tell_outages() -> int:
    lasting = db.session.scalars(
        sa.select(Outage.relay).where(
            Outage.told_at.is_(None), Outage.since < now() - LASTING,
            Outage.campaign_id.is_not(None),
        )
    ).all()  # fmt: skip
    db.session.rollback()
    return sum(_tell_outage(relay) for relay in lasting)


def _tell_outage(relay: str) -> bool:
    with transaction():
        outage = db.session.execute(
            sa.update(Outage)
            .where(Outage.relay == relay, Outage.told_at.is_(None))
            .values(told_at=now())
            .returning(Outage.campaign_id, Outage.reason, Outage.since)
            .execution_options(synchronize_session=False)
        ).first()
        campaign = db.session.get(Campaign, outage.campaign_id) if outage else None
        if outage is None or campaign is None:
            return False
        waits = campaign.state == "sending" and not outages.has_stand_in(relay, campaign.id)
        url = f"{settings.get().BASE_URL}/settings/mail-server"
        owners.tell(
            campaign.account_id, "mail_server_away", name=campaign.name, since=outage.since,
            reason=outage.reason, server=_server(relay), waits=waits,
            url=_url(campaign, "progress") if waits else url,
        )  # fmt: skip
    return True


def _server(key: str) -> str:
    """Name and port of RelaySettings.key."""
    return key.rpartition("@")[2].partition("#")[0]


def _url(campaign: Campaign, page: str) -> str:
    return f"{settings.get().BASE_URL}/campaigns/{campaign.id}/{page}"
