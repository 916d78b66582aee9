"""What a segment reads of the features above: their tables by name, never their code.

Contacts lie below campaigns, delivery and tracking. A test compares this with their models.
"""

from __future__ import annotations

import sqlalchemy as sa

from app.core.db import BigId, UtcDateTime

campaign = sa.table(
    "campaign",
    sa.column("id", BigId),
    sa.column("account_id", BigId),
    sa.column("name", sa.String()),
    sa.column("state", sa.String()),
    sa.column("tracking", sa.String()),
    sa.column("started_at", UtcDateTime),
)
campaign_audience = sa.table(
    "campaign_audience",
    sa.column("id", BigId),
    sa.column("campaign_id", BigId),
    sa.column("segment_id", BigId),
)
delivery = sa.table(
    "delivery",
    sa.column("id", BigId),
    sa.column("campaign_id", BigId),
    sa.column("contact_id", BigId),
    sa.column("state", sa.String()),
    sa.column("sent_at", UtcDateTime),
)
event = sa.table(
    "event",
    sa.column("id", BigId),
    sa.column("campaign_id", BigId),
    sa.column("contact_id", BigId),
    sa.column("kind", sa.String()),
    sa.column("verdict", sa.String()),
    sa.column("at", UtcDateTime),
)
score = sa.table(
    "score",
    sa.column("campaign_id", BigId),
    sa.column("kind", sa.String()),
    sa.column("verdict", sa.String()),
    sa.column("link_id", BigId),
    sa.column("people", BigId),
)
tally = sa.table(
    "tally",
    sa.column("campaign_id", BigId),
    sa.column("state", sa.String()),
    sa.column("n", BigId),
)
TABLES = (campaign, campaign_audience, delivery, event, score, tally)
#: A campaign that has begun to reach people.
BEGUN = ("sending", "paused", "sent")
#: A campaign that is still to go, at least in part.
OPEN = ("draft", "scheduled", "held", "sending", "paused")


def last_campaigns(account_id: int, n: int) -> sa.Select[int]:
    """Ids of the account's last campaigns that began, newest first."""
    return (
        sa.select(campaign.c.id)
        .where(
            campaign.c.account_id == account_id,
            campaign.c.state.in_(BEGUN),
            campaign.c.started_at.is_not(None),
        )
        .order_by(campaign.c.started_at.desc(), campaign.c.id.desc())
        .limit(n)
    )


def tracked_campaigns(account_id: int) -> sa.Select[int]:
    """Ids of the campaigns whose opens and clicks are counted per person."""
    return sa.select(campaign.c.id).where(
        campaign.c.account_id == account_id, campaign.c.tracking == "individual"
    )
