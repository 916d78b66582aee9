"""Writing down who is to get a campaign: a Delivery per person, in Batches.

The audience is read once into a temporary table, which locks nobody out, and copied from there in
short transactions, so that an unsubscribe never waits for a plan. A crash leaves what is written;
planning again goes on behind it, and two planners at once write nothing twice.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from app.campaigns import audience
from app.campaigns.models import Campaign
from app.core.clock import now
from app.core.db import BULK, WRITE, BigId, db, transaction
from app.delivery import tallying
from app.delivery.models import Batch, Delivery
from app.plans import allowance

#: Recipients of one Batch: what one job claims.
BATCH_SIZE = 2_000
#: Batches written in one transaction.
BATCHES_AT_ONCE = 10

people = sa.table("plan_audience", sa.column("n", BigId), sa.column("contact_id", BigId))
#: Rows for what becomes one Batch: the audience from number `begin` to `end`, above the Contact.id
#: `done`. Who was erased since it was read is noticed before sending (`claiming.forget_erased`): a
#: look at each person would cost a tenth of the plan.
_FILL = sa.insert(Delivery).from_select(
    ["campaign_id", "contact_id", "batch_id", "state", "tries"],
    sa.select(
        sa.bindparam("campaign", type_=BigId),
        people.c.contact_id,
        sa.bindparam("batch", type_=BigId),
        sa.literal_column("'pending'"),
        sa.literal_column("0"),
    )
    .where(
        people.c.n.between(sa.bindparam("begin"), sa.bindparam("end")),
        people.c.contact_id > sa.bindparam("done"),
    )
    .order_by(people.c.n),
)


def plan(campaign: Campaign) -> int:
    """Write the Deliveries of a campaign that is sending or paused; returns how many were added.

    Raises allowance.OverLimit before the first one is written.
    Runs on a connection of its own and commits as it goes: call it outside a transaction.
    """
    campaign_id, chosen = campaign.id, _audience(campaign)
    db.session.rollback()
    with db.engine.connect() as connection:
        try:
            _take_stock(connection, "contact", "subscription")
            _note_audience(connection, chosen)
            _reserve(connection, campaign)
            added = _copy(connection, campaign_id)
            _take_stock(connection, "delivery")
            return added
        finally:
            connection.rollback()
            connection.execute(sa.text("DROP TABLE IF EXISTS plan_audience"))
            connection.commit()
            if connection.dialect.name == "sqlite":
                # The same process sends next, and needs none of the pages that it holds.
                connection.execute(sa.text("PRAGMA shrink_memory"))


def _take_stock(connection: sa.Connection, *tables: str) -> None:
    """Let PostgreSQL see how large tables have become: right after an import or a plan it still
    takes them for empty, and would compare everybody with everybody."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(f"ANALYZE {', '.join(tables)}"))
        connection.commit()


def _audience(campaign: Campaign) -> sa.Select[int]:
    """Who is still to be written, in the order in which they are written."""
    done = _last_person(db.session.connection(), campaign.id)
    chosen = audience.in_order(campaign, above=done)
    if campaign.at_most is None:
        return chosen
    written = sa.select(sa.func.count()).where(Delivery.campaign_id == campaign.id)
    return chosen.limit(max(0, campaign.at_most - (db.session.scalar(written) or 0)))


def _last_person(connection: sa.Connection, campaign_id: int) -> int:
    """Contact.id up to which everybody is written; 0 before the first."""
    found = connection.scalar(
        sa.select(Delivery.contact_id)
        .where(Delivery.campaign_id == campaign_id, Delivery.contact_id.is_not(None))
        .order_by(Delivery.id.desc())
        .limit(1)
    )
    return found or 0


def _note_audience(connection: sa.Connection, chosen: sa.Select[int]) -> None:
    number = (
        "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
        if connection.dialect.name == "postgresql"
        else "INTEGER PRIMARY KEY"
    )
    connection.execute(
        sa.text(f"CREATE TEMPORARY TABLE plan_audience (n {number}, contact_id BIGINT NOT NULL)")
    )
    connection.execute(sa.insert(people).from_select(["contact_id"], chosen))
    connection.commit()


def _reserve(connection: sa.Connection, campaign: Campaign) -> None:
    """Take all that it needs of the account's mails before anybody is written. Raises OverLimit."""
    chosen = connection.scalar(sa.select(sa.func.max(people.c.n))) or 0
    written = connection.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(Batch.size), 0)).where(
            Batch.campaign_id == campaign.id
        )
    )
    connection.rollback()
    with transaction():
        allowance.reserve(campaign.account, campaign.id, chosen + int(written or 0))


def _copy(connection: sa.Connection, campaign_id: int) -> int:
    # A plan that a power cut takes back is written again; nothing of it was sent by then.
    writing = connection.execution_options(**{WRITE: True, BULK: True})
    size = BATCH_SIZE * BATCHES_AT_ONCE
    total = writing.scalar(sa.select(sa.func.max(people.c.n))) or 0
    writing.rollback()
    added = 0
    for first in range(1, max(total, 1) + 1, size):
        with writing.begin():
            if not _is_to_plan(writing, campaign_id):
                return added
            added += _write_slice(writing, campaign_id, first, min(first + size - 1, total))
            if first + size > total:
                _finish(writing, campaign_id)
    return added


def _is_to_plan(connection: sa.Connection, campaign_id: int) -> bool:
    """Hold the campaign's row: somebody else may be planning, or it was cancelled meanwhile."""
    found = connection.scalar(
        sa.select(Campaign.id)
        .where(
            Campaign.id == campaign_id,
            Campaign.state.in_(("sending", "paused")),
            Campaign.planned_at.is_(None),
        )
        .with_for_update()
    )
    return found is not None


def _write_slice(connection: sa.Connection, campaign_id: int, first: int, last: int) -> int:
    """Some Batches and their Deliveries: few statements, however many rows."""
    if last < first:
        return 0
    before = _last_id(connection, campaign_id)
    # Whoever another planner wrote meanwhile is left out by their id, for everybody is written in
    # that order: ON CONFLICT would ask an index about each row before writing it.
    done = _last_person(connection, campaign_id)
    opened = _open_batches(connection, campaign_id, (last - first) // BATCH_SIZE + 1)
    for at, batch_id in enumerate(opened):
        begin = first + at * BATCH_SIZE
        end = min(begin + BATCH_SIZE - 1, last)
        values = {"campaign": campaign_id, "batch": batch_id, "done": done, "begin": begin}
        connection.execute(_FILL, {**values, "end": end})
    # Nobody else writes rows of this campaign meanwhile: its row is held.
    written = connection.execute(
        sa.select(
            Delivery.batch_id, sa.func.count(), sa.func.min(Delivery.id), sa.func.max(Delivery.id)
        )
        .where(Delivery.campaign_id == campaign_id, Delivery.id > before)
        .group_by(Delivery.batch_id)
    ).all()
    for batch_id, n, first_id, last_id in written:
        values = {"size": n, "first_id": first_id, "last_id": last_id}
        connection.execute(sa.update(Batch).where(Batch.id == batch_id).values(**values))
    if len(written) < len(opened):
        _close_empty(connection, campaign_id)
    total = sum(row[1] for row in written)
    tallying.shift(campaign_id, {("pending", ""): total}, on=connection)
    return total


def _open_batches(connection: sa.Connection, campaign_id: int, n: int) -> Sequence[int]:
    """New ones behind those that are there; their ids."""
    last = connection.scalar(
        sa.select(sa.func.max(Batch.number)).where(Batch.campaign_id == campaign_id)
    )
    numbers = range((last or 0) + 1, (last or 0) + 1 + n)
    row = {"campaign_id": campaign_id, "size": 0, "state": "ready", "runs": 0}
    connection.execute(sa.insert(Batch), [{**row, "number": number} for number in numbers])
    return connection.scalars(
        sa.select(Batch.id)
        .where(Batch.campaign_id == campaign_id, Batch.number >= numbers[0])
        .order_by(Batch.number)
    ).all()


def _close_empty(connection: sa.Connection, campaign_id: int) -> None:
    """Another planner was here: everybody of these slices is in a batch of theirs."""
    connection.execute(sa.delete(Batch).where(Batch.campaign_id == campaign_id, Batch.size == 0))


def _last_id(connection: sa.Connection, campaign_id: int) -> int:
    found = connection.scalar(
        sa.select(sa.func.max(Delivery.id)).where(Delivery.campaign_id == campaign_id)
    )
    return found or 0


def _finish(connection: sa.Connection, campaign_id: int) -> None:
    connection.execute(
        sa.update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.planned_at.is_(None))
        .values(planned_at=now())
        .execution_options(synchronize_session=False)
    )
