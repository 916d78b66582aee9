"""People who get mail and give no sign: found, and what leaving them out would change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from app.accounts.models import Account
from app.campaigns.models import Campaign
from app.contacts.models import CleanUpLook, Contact
from app.core.clock import now
from app.core.db import db
from app.delivery.models import Delivery, Event, Tally
from app.tracking.models import Score

#: Nobody is called silent who had fewer mails to open.
LEAST_MAILS = 3
#: The longest first.
DAYS = (365, 180, 90)
MOST_CAMPAIGNS = 500
#: So many of the latest campaigns are what a forecast is drawn from.
LATEST = 5


def counted_campaigns(account_id: int) -> Sequence[int]:
    """Campaigns of the last year in which opening was counted person by person."""
    since = now() - timedelta(days=DAYS[0])
    return db.session.scalars(
        sa.select(Campaign.id)
        .where(
            Campaign.account_id == account_id,
            Campaign.tracking == "individual",
            Campaign.created_at >= since - timedelta(days=90),
        )
        .order_by(Campaign.id.desc())
        .limit(MOST_CAMPAIGNS)
    ).all()


def silent_among(
    account_id: int, campaign_ids: Sequence[int], after: int, last: int
) -> dict[int, int]:
    """Of the contacts with ids in (after, last]: for how many days at least each was silent.

    Who is here for a month was not silent for a year; who must not be counted never is.
    """
    if not campaign_ids:
        return {}
    at = now()
    starts = [at - timedelta(days=days) for days in DAYS]
    mails = sa.select(
        Delivery.contact_id, Contact.created_at,
        *(sa.func.sum(sa.case((Delivery.sent_at >= start, 1), else_=0)) for start in starts),
    ).join(Contact, Contact.id == Delivery.contact_id).where(
        Delivery.contact_id > after, Delivery.contact_id <= last,
        Contact.id > after, Contact.id <= last,  # PostgreSQL does not conclude it, and reads all
        Delivery.campaign_id.in_(campaign_ids), Delivery.state == "sent",
        Contact.account_id == account_id, ~Contact.tracking_off,
    ).group_by(Delivery.contact_id, Contact.created_at)  # fmt: skip
    signs = (
        sa.select(Event.contact_id, sa.func.max(Event.at, type_=Event.at.type))
        .where(Event.contact_id > after, Event.contact_id <= last, Event.at >= starts[0])
        .where(Event.kind.in_(("open", "click")), Event.verdict == "human")
        .group_by(Event.contact_id)
    )
    seen = {contact_id: moment for contact_id, moment in db.session.execute(signs)}  # noqa: C416
    found: dict[int, int] = {}
    for contact_id, came, *numbers in db.session.execute(mails):
        sign = seen.get(contact_id)
        for days, start, number in zip(DAYS, starts, numbers, strict=True):
            if came < start and number >= LEAST_MAILS and (sign is None or sign < start):
                found[contact_id] = days
                break
    return found


@dataclass(frozen=True)
class Forecast:
    """What a campaign would be without the silent ones, by the latest campaigns."""

    days: int
    silent: int
    recipients: int
    """A campaign's, on average."""
    openers: int

    @property
    def fewer(self) -> int:
        """Recipients without them."""
        return max(self.recipients - self.silent, self.openers)


def forecasts(account: Account, look: CleanUpLook | None) -> list[Forecast]:
    """One for each length of silence in which somebody was found; none without campaigns."""
    latest = db.session.scalars(
        sa.select(Campaign.id)
        .where(
            Campaign.account_id == account.id, Campaign.state == "sent",
            Campaign.tracking == "individual",
        )
        .order_by(Campaign.id.desc())
        .limit(LATEST)
    ).all()  # fmt: skip
    if not latest or look is None:
        return []
    sent = sa.select(sa.func.sum(Tally.n)).where(
        Tally.campaign_id.in_(latest), Tally.state == "sent"
    )
    opened = sa.select(sa.func.sum(Score.people)).where(
        Score.campaign_id.in_(latest), Score.kind == "open", Score.verdict == "human",
        Score.link_id == 0,
    )  # fmt: skip
    recipients = int(db.session.scalar(sent) or 0) // len(latest)
    openers = int(db.session.scalar(opened) or 0) // len(latest)
    numbers = {days: look.counts.get(f"silent-{days}", 0) for days in reversed(DAYS)}
    return [Forecast(days, n, recipients, openers) for days, n in numbers.items() if n]
