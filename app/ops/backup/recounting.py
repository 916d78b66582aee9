"""Kept counters, from the rows that they count."""

from __future__ import annotations

import sqlalchemy as sa

from app.campaigns.models import Campaign
from app.contacts.models import Contact, ContactList, Headcount, Subscription, Tag, contact_tag
from app.delivery import tallying
from app.delivery.models import Delivery, Tally


def recount(connection: sa.Connection) -> None:
    """The kept counters of lists, tags, accounts and open campaigns, from the rows."""
    for state in ("active", "pending"):
        counted = (
            sa.select(sa.func.count())
            .where(Subscription.list_id == ContactList.id, Subscription.state == state)
            .scalar_subquery()
        )
        connection.execute(sa.update(ContactList).values({state: counted}))
    tagged = sa.select(sa.func.count()).where(contact_tag.c.tag_id == Tag.id).scalar_subquery()
    connection.execute(sa.update(Tag).values(people=tagged))
    people = (
        sa.select(sa.func.count())
        .where(Contact.account_id == Headcount.account_id)
        .scalar_subquery()
    )
    connection.execute(sa.update(Headcount).values(people=people))
    campaigns = connection.scalars(
        sa.select(Campaign.id).where(Campaign.state.in_(("sending", "paused", "cancelled")))
    ).all()
    for campaign_id in campaigns:
        _recount_campaign(connection, campaign_id)


def _recount_campaign(connection: sa.Connection, campaign_id: int) -> None:
    connection.execute(sa.delete(Tally).where(Tally.campaign_id == campaign_id))
    # As delivery.recording counts.
    reason = sa.case(
        (Delivery.state.in_(("skipped", "failed")), sa.func.coalesce(Delivery.reason, "")),
        (sa.and_(Delivery.state == "sent", Delivery.tls.is_(True)), tallying.ENCRYPTED),
        (Delivery.state == "sent", tallying.IN_CLEAR),
        else_="",
    )
    counted = (
        sa.select(sa.literal(campaign_id), Delivery.state, reason, sa.func.count())
        .where(Delivery.campaign_id == campaign_id)
        .group_by(Delivery.state, reason)
    )
    connection.execute(
        sa.insert(Tally).from_select(["campaign_id", "state", "reason", "n"], counted)
    )
