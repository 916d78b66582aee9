"""Writing down who is to get a campaign: a Delivery per person, in Batches.

The audience is read once into a temporary table, which locks nobody out, and copied from there in
short transactions, so that an unsubscribe never waits for a plan. A crash leaves what is written;
planning again goes on behind it, and two planners at once write nothing twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from app.campaigns import audience
from app.campaigns.models import Campaign
from app.core.clock import now
from app.core.db import BULK, WRITE, BigId, db, insert, take_stock, transaction
from app.delivery import gathering, tallying
from app.delivery.gathering import Portion
from app.delivery.models import Batch, Delivery
from app.plans import allowance

#: Recipients of one Batch: what one job claims.
BATCH_SIZE = 2_000
#: Batches written in one transaction.
BATCHES_AT_ONCE = 10
#: A plan that a power cut takes back is written again; nothing of it was sent by then.
WRITING = {WRITE: True, BULK: True}


def _fill(*, careful: bool) -> Any:
    """Rows for what becomes one Batch. Who was erased since the audience was read is noticed before
    sending (`claiming.forget_erased`): a look at each person would cost a tenth of the plan."""
    people = gathering.people()
    person, number = people.selected_columns
    rows = people.with_only_columns(
        number,
        sa.bindparam("campaign", type_=BigId),
        person,
        sa.bindparam("batch", type_=BigId),
        sa.literal_column("'pending'"),
        sa.literal_column("0"),
    )
    columns = ["id", "campaign_id", "contact_id", "batch_id", "state", "tries"]
    filled = insert(Delivery).from_select(columns, rows)
    return (filled.on_conflict_do_nothing() if careful else filled).execution_options(
        preserve_rowcount=True
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
            take_stock(connection, "contact", "subscription")
            connection.commit()
            gathering.note(connection, chosen)
            connection.commit()
            _reserve(connection, campaign)
            added = _copy(connection, campaign_id)
            take_stock(connection, "delivery")
            connection.commit()
            return added
        finally:
            connection.rollback()
            gathering.forget(connection)
            connection.commit()
            if connection.dialect.name == "sqlite":
                # The same process sends next, and needs none of the pages that it holds.
                connection.execute(sa.text("PRAGMA shrink_memory"))


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
        sa.select(sa.func.max(Batch.up_to)).where(Batch.campaign_id == campaign_id)
    )
    return found or 0


def _reserve(connection: sa.Connection, campaign: Campaign) -> None:
    """Take all that it needs of the account's mails before anybody is written. Raises OverLimit."""
    chosen = gathering.count(connection)
    written = connection.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(Batch.size), 0)).where(
            Batch.campaign_id == campaign.id
        )
    )
    connection.rollback()
    with transaction():
        allowance.reserve(campaign.account, campaign.id, chosen + int(written or 0))


def _copy(connection: sa.Connection, campaign_id: int) -> int:
    writing = connection.execution_options(**WRITING)
    total = gathering.count(writing)
    writing.rollback()
    added, at_once = 0, BATCH_SIZE * BATCHES_AT_ONCE
    for first in range(1, max(total, 1) + 1, at_once):
        numbers = range(first, min(first + at_once, total + 1), BATCH_SIZE)
        portions = [gathering.portion(writing, begin, BATCH_SIZE) for begin in numbers]
        writing.rollback()
        is_last = first + at_once > total
        try:
            n = _write(writing, campaign_id, portions, is_last=is_last)
        except sa.exc.IntegrityError:
            # A merge gave the mail of somebody who is written to somebody who comes now.
            n = _write(writing, campaign_id, portions, is_last=is_last, careful=True)
        if n is None:
            break
        added += n
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


def _write(
    connection: sa.Connection,
    campaign_id: int,
    portions: Sequence[Portion],
    *,
    is_last: bool,
    careful: bool = False,
) -> int | None:
    """A Batch for each portion, by few statements, however many rows. None where nothing is to be
    planned any more. `careful` asks an index about each row before writing it, which takes longer:
    somebody may have a mail out of the order."""
    with connection.begin():
        if not _is_to_plan(connection, campaign_id):
            return None
        added = _fill_batches(connection, campaign_id, portions, careful) if portions else 0
        if is_last:
            _finish(connection, campaign_id)
    return added


def _fill_batches(
    connection: sa.Connection, campaign_id: int, portions: Sequence[Portion], careful: bool
) -> int:
    """The Batches, their Deliveries, and the counters of the receipt; returns how many Deliveries.
    Whoever another planner wrote meanwhile is left out by their id, for everybody is written in
    that order."""
    fill, added = _fill(careful=careful), 0
    fixed = {"campaign": campaign_id, "above": _last_person(connection, campaign_id)}
    before = _reserve_ids(connection, sum(portion.size for portion in portions)) - 1
    opened = _open_batches(connection, campaign_id, len(portions))
    for batch_id, portion in zip(opened, portions, strict=True):
        place = {"begin": portion.begin, "size": portion.size, "before": before}
        size = connection.execute(fill, {**fixed, **place, "batch": batch_id}).rowcount
        first_id, before = before + 1, before + portion.size
        values = {"size": size, "first_id": first_id, "last_id": before, "up_to": portion.up_to}
        # Empty: another planner was here, and everybody of these is in a batch of theirs.
        change = sa.update(Batch).values(**values) if size else sa.delete(Batch)
        connection.execute(change.where(Batch.id == batch_id))
        added += size
    tallying.shift(campaign_id, {("pending", ""): added}, on=connection)
    return added


def _reserve_ids(connection: sa.Connection, n: int) -> int:
    """The first of n ids in a row that nobody else takes."""
    if connection.dialect.name == "sqlite":
        last = sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'delivery'")
        return (connection.scalar(last) or 0) + 1
    # The name of the sequence is looked up once, not for each id.
    taken = sa.text(
        "SELECT min(id), max(id) FROM (SELECT nextval((SELECT"
        " CAST(pg_get_serial_sequence('delivery', 'id') AS regclass))) AS id"
        " FROM generate_series(1, :n)) AS taken"
    )
    while True:
        first, last_id = connection.execute(taken, {"n": n}).one()
        if last_id - first == n - 1:  # else somebody took one between, and we take others
            return int(first)


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


def _finish(connection: sa.Connection, campaign_id: int) -> None:
    connection.execute(
        sa.update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.planned_at.is_(None))
        .values(planned_at=now())
        .execution_options(synchronize_session=False)
    )
