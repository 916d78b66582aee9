"""Taking deliveries to send: one conditional statement decides who goes out and who does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from app.accounts import standing
from app.campaigns.models import Campaign
from app.contacts import resting
from app.contacts.models import Contact, Subscription, Suppression
from app.core.clock import now
from app.core.db import BigId, UtcDateTime, connection, db, transaction
from app.delivery import tallying
from app.delivery.models import Batch, Delivery

LEASE = timedelta(seconds=20)


@dataclass(frozen=True)
class Aim:
    """What a claim must know of the campaign."""

    campaign_id: int
    account_id: int
    lists: tuple[int, ...]
    """Whoever has left all of these gets nothing; empty where segments were aimed at."""

    @classmethod
    def of(cls, campaign: Campaign) -> Aim:
        """Read from a campaign."""
        aimed = [row for row in campaign.audience if not row.excluded]
        by_rule = any(row.segment_id for row in aimed)
        lists = () if by_rule else tuple(row.list_id for row in aimed if row.list_id)
        return cls(campaign.id, campaign.account_id, lists)


def take_batch(batch_id: int, lease: str) -> bool:
    """Work on a batch that nobody works on; False when another has it or nothing is left."""
    return _take(Batch.id == batch_id, lease) is not None


def take_next(campaign_id: int, lease: str) -> int | None:
    """Another batch of the campaign that waits; its id."""
    waiting = (
        sa.select(Batch.id)
        .where(Batch.campaign_id == campaign_id, Batch.state == "ready")
        .order_by(Batch.number)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    return _take(Batch.id == waiting, lease)


def _take(condition: sa.ColumnElement[bool], lease: str) -> int | None:
    taken: int | None = db.session.execute(
        sa.update(Batch)
        .where(condition, Batch.state == "ready", _is_sending(Batch.campaign_id))
        .values(state="working", lease=lease, lease_until=now() + LEASE, runs=Batch.runs + 1)
        .returning(Batch.id)
        .execution_options(synchronize_session=False)
    ).scalar()
    return taken


def renew(lease: str) -> None:
    """Say that the run still lives."""
    db.session.execute(
        sa.update(Batch)
        .where(Batch.lease == lease, Batch.state == "working")
        .values(lease_until=now() + LEASE)
        .execution_options(synchronize_session=False)
    )


def let_go(lease: str) -> None:
    """Give up all batches of a run: done where nothing waits in them."""
    waits = sa.exists().where(
        Delivery.id.between(Batch.first_id, Batch.last_id),
        Delivery.batch_id == Batch.id,
        Delivery.state == "pending",
    )
    db.session.execute(
        sa.update(Batch)
        .where(Batch.lease == lease, Batch.state == "working")
        .values(state=sa.case((waits, "ready"), else_="done"), lease=None, lease_until=None)
        .execution_options(synchronize_session=False)
    )


def claim(
    book: tallying.Book, aim: Aim, batch_id: int, lease: str, *, limit: int
) -> list[tuple[int, int]]:
    """Take up to `limit` of a batch: (delivery id, tries). Whoever must not be mailed any more
    is skipped by the same statement. The caller writes the book at the end."""
    taken = _claim(book, aim, batch_id, lease, limit, "pending")
    if len(taken) < limit:
        taken += _claim(book, aim, batch_id, lease, limit - len(taken), "deferred")
    return taken


def _claim(
    book: tallying.Book, aim: Aim, batch_id: int, lease: str, limit: int, was: str
) -> list[tuple[int, int]]:
    values = {"batch": batch_id, "own_lease": lease, "moment": now(), "most": limit}
    rows = connection().execute(_statement(aim, was), values).all()
    taken = [(number, tries) for number, tries, why in rows if why is None]
    book.note(was, "sending", len(taken))
    if len(taken) < len(rows):
        for why, n in Counter(row[2] for row in rows if row[2]).items():
            book.note(was, "skipped", n, reason=why)
    return taken


@lru_cache(maxsize=64)
def _statement(aim: Aim, was: str) -> sa.Update:
    """Made once for a campaign: putting it together takes longer than running it."""
    moment: sa.BindParameter[datetime] = sa.bindparam("moment", type_=UtcDateTime)
    due = (Delivery.next_try_at <= moment,) if was == "deferred" else ()
    chosen = (
        sa.select(Delivery.id.label("id"), _why_not(aim, moment).label("why"))
        .where(_of_own_batch(), Delivery.state == was, *due)
        .order_by(Delivery.id)
        .limit(sa.bindparam("most", type_=sa.Integer))
        .subquery()
    )
    goes = chosen.c.why.is_(None)
    return (
        sa.update(Delivery)
        .where(Delivery.id == chosen.c.id, Delivery.state == was, _is_sending(aim.campaign_id))
        .values(
            state=sa.case((goes, "sending"), else_="skipped"),
            reason=chosen.c.why,
            lease=sa.case((goes, sa.bindparam("own_lease", type_=sa.String)), else_=None),
            claimed_at=moment,
            next_try_at=None,
            tries=sa.case((goes, Delivery.tries + 1), else_=Delivery.tries),
        )
        .returning(Delivery.id, Delivery.tries, Delivery.reason)
    )


def _of_own_batch() -> sa.ColumnElement[bool]:
    """Nobody takes from a batch that is not theirs, or is theirs no more: what is on its way is
    found by the batch and its lease."""
    batch_id = sa.bindparam("batch", type_=BigId)
    is_own = (
        Batch.id == batch_id,
        Batch.lease == sa.bindparam("own_lease", type_=sa.String),
        Batch.state == "working",
    )
    first, last = (
        sa.select(edge).where(*is_own).scalar_subquery() for edge in (Batch.first_id, Batch.last_id)
    )
    return sa.and_(Delivery.id.between(first, last), Delivery.batch_id == batch_id)


def held(lease: str, limit: int | None = None) -> Sequence[sa.Row[int, int, int]]:
    """Deliveries that a run claimed and has not settled: (id, campaign_id, tries), in order."""
    batches = db.session.execute(
        sa.select(Batch.id, Batch.first_id, Batch.last_id)
        .where(Batch.lease == lease, Batch.state == "working")
        .order_by(Batch.first_id)
    ).all()
    found: list[sa.Row[int, int, int]] = []
    # One by one: joined, SQLite reads all deliveries and looks for the batch of each.
    for batch in batches:
        found += db.session.execute(
            sa.select(Delivery.id, Delivery.campaign_id, Delivery.tries)
            .where(
                Delivery.id.between(batch.first_id, batch.last_id), Delivery.batch_id == batch.id,
                Delivery.lease == lease, Delivery.state == "sending",
            )
            .order_by(Delivery.id)
            .limit(limit and limit - len(found))
        ).all()  # fmt: skip
        if len(found) == limit:
            break
    return found


def astray(campaign_id: int, lease: str, limit: int) -> Sequence[sa.Row[int, int, int]]:
    """As `held`, where the run has no batch of this campaign any more. Reads the whole campaign."""
    return db.session.execute(
        sa.select(Delivery.id, Delivery.campaign_id, Delivery.tries)
        .where(
            Delivery.campaign_id == campaign_id, Delivery.state == "sending",
            Delivery.lease == lease,
        )
        .order_by(Delivery.id)
        .limit(limit)
    ).all()  # fmt: skip


def forget_erased(ids: Collection[int]) -> None:
    """Deliveries of these whose person is gone lose them. Erasing a contact does that itself, but
    may miss a row that was being planned at that moment."""
    with transaction():
        db.session.execute(
            sa.update(Delivery)
            .where(Delivery.id.in_(ids), ~sa.exists().where(Contact.id == Delivery.contact_id))
            .values(contact_id=None)
            .execution_options(synchronize_session=False)
        )


def left_out(aim: Aim, ids: Sequence[int]) -> set[int]:
    """Which claimed deliveries must not go after all: asked again for those that waited."""
    going = db.session.scalar(sa.select(_is_sending(aim.campaign_id)))
    if not going:
        return set(ids)
    rows = db.session.execute(
        sa.select(Delivery.id).where(Delivery.id.in_(ids), _why_not(aim, now()).is_not(None))
    )
    return {row.id for row in rows}


def _why_not(aim: Aim, moment: Any) -> sa.ColumnElement[str | None]:
    """The reason to skip a delivery; null for most."""
    # "suppressed" for every reason but the person's own.
    suppressed = (
        sa.select(
            sa.case((Suppression.reason == "unsubscribed", "unsubscribed"), else_="suppressed")
        )
        .join(Contact, Contact.address == Suppression.address)
        .where(Suppression.account_id == aim.account_id, Contact.id == Delivery.contact_id)
        .correlate(Delivery)
        .limit(1)
        .scalar_subquery()
    )
    reasons: list[Any] = [sa.case((Delivery.contact_id.is_(None), "erased")), suppressed]
    if aim.lists:
        subscribed = (
            sa.exists()
            .where(
                Subscription.contact_id == Delivery.contact_id,
                Subscription.list_id.in_(aim.lists),
                Subscription.state == "active",
            )
            .correlate(Delivery)
        )
        reasons.append(sa.case((~subscribed, "unsubscribed")))
    reasons.append(resting.why_not(aim.account_id, Delivery.contact_id, moment))
    # Each is asked only where the one before has no answer.
    return sa.func.coalesce(*reasons, type_=sa.String)


def _is_sending(campaign_id: Any) -> sa.Exists:
    """Also that the operator has not suspended the account: a suspension stops the very next
    claim, and whoever has been claimed and waits."""
    return sa.exists().where(
        Campaign.id == campaign_id, Campaign.state == "sending",
        standing.may_send(Campaign.account_id),
    )  # fmt: skip


def others_wait(campaign_id: int) -> bool:
    """Whether another campaign that should be going out has nobody who works on it."""
    idle = sa.and_(
        sa.exists().where(Batch.campaign_id == Campaign.id, Batch.state == "ready"),
        ~sa.exists().where(Batch.campaign_id == Campaign.id, Batch.state == "working"),
    )
    return bool(
        db.session.scalar(
            sa.select(
                sa.exists().where(
                    Campaign.state == "sending",
                    Campaign.id != campaign_id,
                    sa.or_(Campaign.planned_at.is_(None), idle),
                )
            )
        )
    )


def expired(moment: datetime) -> sa.ColumnElement[bool]:
    """Batches whose run has not said for a while that it lives."""
    return sa.and_(Batch.state == "working", Batch.lease_until < moment)
