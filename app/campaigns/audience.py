"""Whom a campaign aims at: lists and segments, minus exclusions, minus suppressions."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from app.campaigns.models import Campaign
from app.contacts import resting, segments
from app.contacts.models import Contact, Segment, Subscription, Suppression
from app.contacts.segments import elsewhere
from app.core.clock import now
from app.core.db import db, dialect_name

Condition = sa.ColumnElement[bool]


def recipients(campaign: Campaign) -> sa.Select[int]:
    """Contact.id of everybody who is to get the campaign, in no order."""
    return (
        sa.select(Contact.id)
        .where(Contact.account_id == campaign.account_id)
        .where(_included(campaign))
        .where(*_not_excluded(campaign))
        .where(~_suppressed(), *_not_resting(campaign))
    )


def in_order(campaign: Campaign, above: int) -> sa.Select[int]:
    """As `recipients`, by rising id, from those above a Contact.id on.

    One list alone answers from the index of its subscriptions, without a look at the people: a
    third of the time.
    """
    lists = _list_alone(campaign)
    if not lists:
        return recipients(campaign).where(Contact.id > above).order_by(Contact.id)
    person = Subscription.contact_id
    outside = [row.list_id for row in campaign.audience if row.list_id and row.excluded]
    left_out = [_subscribed(outside)] if outside else []
    left_out += [_suppressed_people(campaign.account_id), *_resting_people(campaign)]
    return (
        sa.select(person)
        .where(Subscription.list_id.in_(lists), Subscription.state == "active", person > above)
        .where(*(_none_of(person, people) for people in left_out))
        .order_by(person)
    )


def _list_alone(campaign: Campaign) -> list[int]:
    """The list, where the audience is one, and no segment says anything."""
    if campaign.follows_id or any(row.segment_id for row in campaign.audience):
        return []
    lists = [row.list_id for row in campaign.audience if row.list_id and not row.excluded]
    return lists if len(lists) == 1 else []


def _none_of(person: sa.SQLColumnExpression[int], people: sa.Select[int]) -> Condition:
    """`person` is not among them; quick on both databases, however many they are."""
    if dialect_name() == "sqlite":
        return person.not_in(people)
    # PostgreSQL walks through a NOT IN for each row once it does not fit its memory.
    found = people.subquery()
    return ~sa.exists().where(next(iter(found.c)) == person)


def count(campaign: Campaign) -> int:
    """How many people would get it now. Linear in the audience: not for every page load."""
    found = _size(campaign) - sum(_kept_out(campaign).values())
    return found if campaign.at_most is None else min(found, campaign.at_most)


def count_up_to(campaign: Campaign, most: int) -> int:
    """As `count`, but stops counting there."""
    most = most if campaign.at_most is None else min(most, campaign.at_most)
    some = recipients(campaign).limit(most).subquery()
    return db.session.scalar(sa.select(sa.func.count()).select_from(some)) or 0


def anybody(campaign: Campaign) -> bool:
    """Whether there is at least one recipient; quick."""
    lists = [row.list_id for row in campaign.audience if row.list_id and not row.excluded]
    # Another name, so that the conditions below do not mean this very row.
    on = aliased(Subscription)
    from_lists = (
        sa.select(Contact.id)
        .join(on, on.contact_id == Contact.id)
        .where(on.list_id.in_(lists), on.state == "active")
        .where(Contact.account_id == campaign.account_id)
        .where(*_not_excluded(campaign), ~_suppressed(), *_not_resting(campaign))
    )
    if lists and db.session.scalar(from_lists.limit(1)) is not None:
        return True
    return db.session.scalar(recipients(campaign).limit(1)) is not None


def left_out(campaign: Campaign) -> dict[str, int]:
    """Who is on the lists and gets nothing, by reason; each person counts once.

    Keys: a Suppression's reason (unsubscribed, complaint, bounced, account, import), excluded,
    paused (wants none for a while), frequency (has had a mail lately and wants few), pending (has
    not confirmed yet), ended (has left the list), later (beyond the number that was chosen).
    """
    return count_both(campaign)[1]


def count_both(campaign: Campaign) -> tuple[int, dict[str, int]]:
    """`count` and `left_out`, which share most of the work."""
    kept_out = _kept_out(campaign)
    reasons = {**kept_out, **_not_active(campaign)}
    found = _size(campaign) - sum(kept_out.values())
    if campaign.at_most is not None and found > campaign.at_most:
        reasons["later"], found = found - campaign.at_most, campaign.at_most
    return found, {reason: n for reason, n in reasons.items() if n}


def _included(campaign: Campaign, *, few: bool = False) -> Condition:
    """`few`: only some people are asked about, so looking each one up is quicker."""
    lists = [row.list_id for row in campaign.audience if row.list_id and not row.excluded]
    on_lists = _on_one_of if few else _on_lists
    conditions = [on_lists(lists)] if lists else []
    conditions += [_in_segment(segment) for segment in _segments(campaign, excluded=False)]
    return sa.or_(*conditions) if conditions else sa.false()


def _not_excluded(campaign: Campaign) -> list[Condition]:
    lists = [row.list_id for row in campaign.audience if row.list_id and row.excluded]
    conditions = [~_on_lists(lists)] if lists else []
    conditions += [~_in_segment(one) for one in _segments(campaign, excluded=True)]
    return [*conditions, *_not_earlier(campaign)]


def _not_earlier(campaign: Campaign) -> list[Condition]:
    """Nobody gets two parts of the same, also where it is not certain that the first one came."""
    earlier, before = [], campaign.follows_id
    while before and before not in earlier:
        earlier.append(before)
        before = db.session.scalar(sa.select(Campaign.follows_id).where(Campaign.id == before))
    if not earlier:
        return []
    had = sa.exists().where(
        elsewhere.delivery.c.contact_id == Contact.id,
        elsewhere.delivery.c.campaign_id.in_(earlier),
        elsewhere.delivery.c.state != "skipped",
    )
    return [~had.correlate(Contact)]


def _on_lists(list_ids: Sequence[int], state: str = "active") -> Condition:
    return Contact.id.in_(_subscribed(list_ids, state))


def _subscribed(list_ids: Sequence[int], state: str = "active") -> sa.Select[int]:
    on = aliased(Subscription)  # so that it stays a question of its own inside any other
    return sa.select(on.contact_id).where(on.list_id.in_(list_ids), on.state == state)


def _on_one_of(list_ids: Sequence[int]) -> Condition:
    return (
        sa.exists()
        .where(
            Subscription.contact_id == Contact.id,
            Subscription.list_id.in_(list_ids),
            Subscription.state == "active",
        )
        .correlate(Contact)
    )


def _segments(campaign: Campaign, *, excluded: bool) -> Sequence[Segment]:
    ids = [r.segment_id for r in campaign.audience if r.segment_id and r.excluded == excluded]
    if not ids:
        return []
    return db.session.scalars(
        sa.select(Segment).where(Segment.account_id == campaign.account_id, Segment.id.in_(ids))
    ).all()


def _in_segment(segment: Segment) -> Condition:
    """People of a segment are those with an active subscription that its rule fits."""
    subscribed = (
        sa.exists()
        .where(Subscription.contact_id == Contact.id, Subscription.state == "active")
        .correlate(Contact)
    )
    return sa.and_(subscribed, segments.condition(segment.account_id, segment.rule))


def _suppressed() -> Condition:
    return (
        sa.exists()
        .where(
            Suppression.account_id == Contact.account_id,
            Suppression.address == Contact.address,
        )
        .correlate(Contact)
    )


def _suppressed_people(account_id: int) -> sa.Select[int]:
    """Contact.id of everybody whom the account must not mail. Starts from the smaller table."""
    return (
        sa.select(Contact.id)
        .join(
            Suppression,
            sa.and_(
                Suppression.account_id == Contact.account_id,
                Suppression.address == Contact.address,
            ),
        )
        .where(Suppression.account_id == account_id)
    )


def _kept_out(campaign: Campaign) -> dict[str, int]:
    """Of those included: suppressed by reason, else excluded. Starts from the smaller tables."""
    included = _included(campaign, few=True)
    rows = db.session.execute(
        sa.select(Suppression.reason, sa.func.count(Contact.id))
        .join(
            Contact,
            sa.and_(
                Contact.account_id == Suppression.account_id,
                Contact.address == Suppression.address,
            ),
        )
        .where(Suppression.account_id == campaign.account_id, included)
        .group_by(Suppression.reason)
        .order_by(Suppression.reason)
    ).all()
    numbers = {reason: n for reason, n in rows}  # noqa: C416 - rows are no plain pairs
    if excluding := _not_excluded(campaign):
        outside = sa.not_(sa.and_(*excluding))
        numbers["excluded"] = _number(campaign, outside, included, ~_suppressed())
    return numbers | _resting(campaign)


def _resting(campaign: Campaign) -> dict[str, int]:
    """Of those included and not kept out otherwise; each counts once."""
    others = [_included(campaign, few=True), *_not_excluded(campaign), ~_suppressed()]
    paused, enough = _not_resting(campaign)
    return {
        resting.PAUSED: _number(campaign, ~paused, *others),
        resting.TOO_SOON: _number(campaign, paused, ~enough, *others),
    }


def _not_resting(campaign: Campaign) -> list[Condition]:
    """Neither in a pause when it starts, nor wanting fewer mails than that would be."""
    return [_none_of(Contact.id, people) for people in _resting_people(campaign)]


def _resting_people(campaign: Campaign) -> Sequence[sa.Select[int]]:
    moment = max(now(), campaign.due_at or now())
    return resting.resting(campaign.account_id, campaign.id, moment)


def _not_active(campaign: Campaign) -> dict[str, int]:
    """People with a subscription to an included list that is not active, and with no active one."""
    lists = [row.list_id for row in campaign.audience if row.list_id and not row.excluded]
    if not lists:
        return {}
    others = [~_included(campaign, few=True), ~_suppressed()]
    pending = _on_lists(lists, "pending")
    return {
        "pending": _number(campaign, pending, *others),
        "ended": _number(campaign, _on_lists(lists, "ended"), ~pending, *others),
    }


def _size(campaign: Campaign) -> int:
    """How many are included, before anybody is kept out."""
    aims = [row for row in campaign.audience if not row.excluded]
    lists = [row.list_id for row in aims if row.list_id]
    if not lists or len(lists) < len(aims):
        return _number(campaign, _included(campaign))
    # The index of subscriptions alone tells, without a look at the people.
    one = sa.func.count(Subscription.contact_id)
    people = one if len(lists) == 1 else sa.func.count(sa.distinct(Subscription.contact_id))
    query = sa.select(people).where(Subscription.list_id.in_(lists), Subscription.state == "active")
    return db.session.scalar(query) or 0


def _number(campaign: Campaign, *conditions: Condition) -> int:
    query = sa.select(sa.func.count(Contact.id)).where(
        Contact.account_id == campaign.account_id, *conditions
    )
    return db.session.scalar(query) or 0
