"""Writing down who is to get a campaign: a Delivery per person, in Batches.

The audience is read once into a temporary table, which locks nobody out, and copied from there in
short transactions, so that an unsubscribe never waits for a plan. A crash leaves what is written;
planning again goes on behind it, and two planners at once write nothing twice.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from app.campaigns import audience
from app.campaigns.models import Campaign
from app.contacts.models import Contact
from app.core.clock import now
from app.core.db import BULK, WRITE, db
from app.delivery import tallying
from app.delivery.models import Batch, Delivery

#: Recipients of one Batch: what one job claims.
BATCH_SIZE = 2_000
#: Batches written in one transaction.
BATCHES_AT_ONCE = 10

people = sa.table("plan_audience", sa.column("n"), sa.column("contact_id"))


def plan(campaign: Campaign) -> int:
    """Write the Deliveries of a campaign that is sending or paused; returns how many were added.

    Runs on a connection of its own and commits as it goes: call it outside a transaction.
    """
    campaign_id, chosen = campaign.id, _audience(campaign)
    db.session.rollback()
    with db.engine.connect() as connection:
        try:
            _take_stock(connection, "contact", "subscription")
            _note_audience(connection, chosen)
            added = _copy(connection, campaign_id)
            _take_stock(connection, "delivery")
            return added
        finally:
            connection.rollback()
            connection.execute(sa.text("DROP TABLE IF EXISTS plan_audience"))
            connection.commit()


def _take_stock(connection: sa.Connection, *tables: str) -> None:
    """Let PostgreSQL see how large tables have become: right after an import or a plan it still
    takes them for empty, and would compare everybody with everybody."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(f"ANALYZE {', '.join(tables)}"))
        connection.commit()


def _audience(campaign: Campaign) -> sa.Select[int]:
    """Who is still to be written, in the order in which they are written."""
    done = db.session.scalar(
        sa.select(Delivery.contact_id)
        .where(Delivery.campaign_id == campaign.id, Delivery.contact_id.is_not(None))
        .order_by(Delivery.id.desc())
        .limit(1)
    )
    return audience.recipients(campaign).where(Contact.id > (done or 0)).order_by(Contact.id)


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


def _copy(connection: sa.Connection, campaign_id: int) -> int:
    # A plan that a power cut takes back is written again; nothing of it was sent by then.
    writing = connection.execution_options(**{WRITE: True, BULK: True})
    size = BATCH_SIZE * BATCHES_AT_ONCE
    first, added = 1, 0
    while True:
        with writing.begin():
            if not _is_to_plan(writing, campaign_id):
                return added
            wanted = writing.scalar(
                sa.select(sa.func.count())
                .select_from(people)
                .where(people.c.n.between(first, first + size - 1))
            )
            for start in range(first, first + (wanted or 0), BATCH_SIZE):
                added += _write_batch(writing, campaign_id, start)
            if not wanted or wanted < size:
                _finish(writing, campaign_id)
                return added
        first += size


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


def _write_batch(connection: sa.Connection, campaign_id: int, start: int) -> int:
    number = connection.scalar(
        sa.select(sa.func.coalesce(sa.func.max(Batch.number), 0)).where(
            Batch.campaign_id == campaign_id
        )
    )
    batch_id = connection.scalar(
        sa.insert(Batch)
        .values(campaign_id=campaign_id, number=(number or 0) + 1, size=0, state="ready", runs=0)
        .returning(Batch.id)
    )
    before = _last_id(connection, campaign_id)
    written = connection.execute(_deliveries(connection, campaign_id, batch_id, start)).rowcount
    if not written:
        # Another planner was here: everybody of this slice is in a batch of theirs.
        connection.execute(sa.delete(Batch).where(Batch.id == batch_id))
        return 0
    # Nobody else writes rows of this campaign meanwhile: its row is held.
    edges = {"first_id": before + 1, "last_id": _last_id(connection, campaign_id)}
    connection.execute(sa.update(Batch).where(Batch.id == batch_id).values(size=written, **edges))
    tallying.shift(campaign_id, {("pending", ""): written}, on=connection)
    return written


def _last_id(connection: sa.Connection, campaign_id: int) -> int:
    found = connection.scalar(
        sa.select(sa.func.max(Delivery.id)).where(Delivery.campaign_id == campaign_id)
    )
    return found or 0


def _deliveries(
    connection: sa.Connection, campaign_id: int, batch_id: int | None, start: int
) -> sa.Executable:
    slice_ = (
        sa.select(
            sa.literal(campaign_id),
            people.c.contact_id,
            sa.literal(batch_id),
            sa.literal("pending"),
            sa.literal(0),
        )
        # A person erased since the audience was read is not planned.
        .join(Contact, Contact.id == people.c.contact_id)
        .where(people.c.n.between(start, start + BATCH_SIZE - 1))
        .order_by(people.c.n)
    )
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return (
        insert(Delivery)
        .from_select(["campaign_id", "contact_id", "batch_id", "state", "tries"], slice_)
        .on_conflict_do_nothing(index_elements=["contact_id", "campaign_id"])
        .execution_options(preserve_rowcount=True)
    )


def _finish(connection: sa.Connection, campaign_id: int) -> None:
    connection.execute(
        sa.update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.planned_at.is_(None))
        .values(planned_at=now())
        .execution_options(synchronize_session=False)
    )
