"""Who gets no mail now because they chose so: a pause, or a mail only now and then.

Sending asks about pauses in the statement that claims, planning about both.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.contacts.models import Contact, Frequency, Pause
from app.contacts.models.preferences import FREQUENCIES
from app.core.clock import now
from app.core.db import BigId, UtcDateTime, db

#: What a person may choose, in days.
PAUSES = (30, 60, 90)
#: Reasons, as the receipt and the page of a campaign have them.
PAUSED, TOO_SOON = "paused", "frequency"

# Deliveries belong to a feature above this one: their table by name, never their code.
_delivery = sa.table(
    "delivery",
    sa.column("campaign_id", BigId), sa.column("contact_id", BigId), sa.column("state", sa.String),
    sa.column("claimed_at", UtcDateTime), sa.column("sent_at", UtcDateTime),
)  # fmt: skip
_campaign = sa.table("campaign", sa.column("id", BigId), sa.column("state", sa.String))


def paused(contact: Contact) -> Pause | None:
    """The pause that holds now."""
    found = db.session.get(Pause, contact.id, populate_existing=True)
    return found if found and found.until > now() else None


def frequency(contact: Contact) -> str:
    """week, month, or empty for every mail."""
    query = sa.select(Frequency.per).where(Frequency.contact_id == contact.id)
    return db.session.scalar(query) or ""


def pausing(account_id: int, moment: datetime) -> sa.Select[int]:
    """Contact ids of those of the account who pause at that moment; few."""
    return sa.select(Pause.contact_id).where(Pause.account_id == account_id, Pause.until > moment)


def had_enough(account_id: int, campaign_id: int, moment: datetime) -> sa.Select[int]:
    """Contact ids of those who get a mail now and then only, and for whom this is too soon.

    Mails count that left, may have left, or are on their way in another campaign. Costs a look
    into an index for each who chose so, whatever the size of the account.
    """
    since = sa.case(
        {per: sa.literal(moment - timedelta(days=days), UtcDateTime)
         for per, days in FREQUENCIES.items()},
        value=Frequency.per,
    )  # fmt: skip
    left = sa.and_(
        _delivery.c.state.in_(("sent", "sending", "uncertain")),
        sa.func.coalesce(_delivery.c.sent_at, _delivery.c.claimed_at) > since,
    )
    is_going = sa.exists().where(
        _campaign.c.id == _delivery.c.campaign_id, _campaign.c.state == "sending"
    )
    goes = sa.and_(_delivery.c.state.in_(("pending", "deferred")), is_going)
    mailed = sa.exists().where(
        _delivery.c.contact_id == Frequency.contact_id,
        _delivery.c.campaign_id != campaign_id,
        sa.or_(left, goes),
    )
    return sa.select(Frequency.contact_id).where(Frequency.account_id == account_id, mailed)


def resting(account_id: int, campaign_id: int, moment: datetime) -> Sequence[sa.Select[int]]:
    """Everybody who gets nothing of a campaign that is planned at that moment."""
    return pausing(account_id, moment), had_enough(account_id, campaign_id, moment)


def why_not(account_id: int, contact_id: Any, moment: Any) -> sa.ColumnElement[str | None]:
    """PAUSED for a person who pauses, else null: for each row of a statement.

    Whether anybody of the account pauses is asked once in the statement, and the person only
    where somebody does.
    """
    anybody = sa.exists().where(Pause.account_id == account_id, Pause.until > moment)
    this_one = sa.exists().where(Pause.contact_id == contact_id, Pause.until > moment)
    asked = sa.case((this_one.correlate_except(Pause), PAUSED))
    return sa.case((anybody.correlate(None), asked))
