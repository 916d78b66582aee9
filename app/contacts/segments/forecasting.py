"""What would be different if these people got no more mail."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from app.contacts.models import Contact
from app.contacts.segments import compiling, elsewhere
from app.contacts.segments.rule import Did, Rule, conditions
from app.core.db import db

#: Campaigns that are looked back on.
LOOK_BACK = 3


def concerns(rule: Rule) -> bool:
    """Whether a rule is about people who do not read."""
    return any(
        isinstance(one, Did) and one.negated and one.deed != "received" for one in conditions(rule)
    )


def without(
    connection: sa.Connection, account_id: int, condition: compiling.Condition
) -> dict[str, Any] | None:
    """From the last campaigns with opens: {campaigns, sent, fewer, opened, opened_of_them}.

    `sent` and `opened` are kept counters; the people of the rule are looked up in the deliveries.
    None where there is no such campaign yet.
    """
    ids = db.session.scalars(
        elsewhere.last_campaigns(account_id, LOOK_BACK).where(
            elsewhere.campaign.c.tracking == "individual"
        )
    ).all()
    if not ids:
        return None
    sent, opened = _all(connection, ids)
    fewer, opened_of_them = _theirs(connection, account_id, ids, condition)
    return {
        "campaigns": len(ids), "sent": sent, "fewer": fewer,
        "opened": opened, "opened_of_them": opened_of_them,
    }  # fmt: skip


def _all(connection: sa.Connection, ids: Any) -> tuple[int, int]:
    tally, score = elsewhere.tally.c, elsewhere.score.c
    sent = sa.select(sa.func.sum(tally.n)).where(tally.campaign_id.in_(ids), tally.state == "sent")
    opened = sa.select(sa.func.sum(score.people)).where(
        score.campaign_id.in_(ids), score.kind == "open", score.verdict == "human",
        score.link_id == 0,
    )  # fmt: skip
    return int(connection.scalar(sent) or 0), int(connection.scalar(opened) or 0)


def _theirs(
    connection: sa.Connection, account_id: int, ids: Any, condition: compiling.Condition
) -> tuple[int, int]:
    delivery, event = elsewhere.delivery, elsewhere.event
    opened = (
        sa.exists()
        .where(
            event.c.contact_id == delivery.c.contact_id,
            event.c.campaign_id == delivery.c.campaign_id,
            event.c.kind.in_(("open", "click")),
            event.c.verdict == "human",
        )
        .correlate(delivery)
    )
    number = sa.func.count()
    query = (
        sa.select(number, sa.func.sum(sa.case((opened, 1), else_=0)))
        .select_from(Contact)
        .join(delivery, delivery.c.contact_id == Contact.id)
        .where(
            Contact.account_id == account_id, condition,
            delivery.c.campaign_id.in_(ids), delivery.c.state == "sent",
        )
    )  # fmt: skip
    row = connection.execute(query).one()
    return int(row[0] or 0), int(row[1] or 0)
