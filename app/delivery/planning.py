"""Writing down who is to get a campaign: a Delivery per person, in Batches.

The audience is read once into a temporary table, which locks nobody out, and copied from there in
short transactions, so that an unsubscribe never waits for a plan. A crash leaves what is written;
planning again goes on behind it, and two planners at once write nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa

from app.campaigns import audience
from app.campaigns.models import Campaign
from app.core import trimming
from app.core.clock import now
from app.core.db import BULK, WRITE, BigId, db, insert, take_stock, transaction
from app.delivery import gathering, tallying
from app.delivery.models import Batch, Delivery
from app.plans import allowance

#: Recipients of one Batch: what one job claims.
BATCH_SIZE = 2_000
#: Batches written in one transaction.
BATCHES_AT_ONCE = 10
#: A plan that a power cut takes back is written again; nothing of it was sent by then.
WRITING = {WRITE: True, BULK: True}


@dataclass(frozen=True)
class _Slice:
    """What one transaction writes."""

    campaign_id: int
    begin: int
    """Number of its first person in the audience, from 1 on."""
    size: int
    is_last: bool
    at_most: int | None
    """How many the whole campaign goes to at the most."""


@cache
def _filling(dialect: str, *, careful: bool) -> Any:
    """Rows for some Batches. Who was erased since the audience was read is noticed before sending
    (`claiming.forget_erased`): a look at each person would cost a tenth of the plan."""
    people = gathering.people()
    person, delivery_id, batch_id = people.selected_columns
    rows = people.with_only_columns(
        delivery_id,
        sa.bindparam("campaign", type_=BigId),
        person,
        batch_id,
        sa.literal_column("'pending'"),
        sa.literal_column("0"),
    )
    columns = ["id", "campaign_id", "contact_id", "batch_id", "state", "tries"]
    filled = insert(Delivery).from_select(columns, rows)
    # Of a person in the campaign alone: a number that is taken twice must never leave somebody out.
    once = ["contact_id", "campaign_id"]
    return filled.on_conflict_do_nothing(index_elements=once) if careful else filled


def plan(campaign: Campaign) -> int:
    """Write the Deliveries of a campaign that is sending or paused; returns how many were added.

    Raises allowance.OverLimit before the first one is written.
    Runs on a connection of its own and commits as it goes: call it outside a transaction.
    """
    campaign_id, at_most, chosen = campaign.id, campaign.at_most, _audience(campaign)
    db.session.rollback()
    with db.engine.connect() as connection:
        try:
            take_stock(connection, "contact", "subscription")
            connection.commit()
            gathering.note(connection, chosen)
            connection.commit()
            _reserve(connection, campaign)
            added = _copy(connection, campaign_id, at_most)
            take_stock(connection, "delivery")
            connection.commit()
            return added
        finally:
            connection.rollback()
            gathering.forget(connection)
            connection.commit()
            if connection.dialect.name == "sqlite":
                connection.execute(sa.text("PRAGMA shrink_memory"))
            # The same process sends next, and needs none of what this took.
            trimming.give_back()


def _audience(campaign: Campaign) -> sa.Select[int]:
    """Who is still to be written, in the order in which they are written."""
    done = _last_person(db.session.connection(), campaign.id)
    chosen = audience.in_order(campaign, above=done)
    if campaign.at_most is None:
        return chosen
    written = _written_so_far(db.session.connection(), campaign.id)
    return chosen.limit(max(0, campaign.at_most - written))


def _last_person(connection: sa.Connection, campaign_id: int) -> int:
    """Contact.id up to which everybody is written; 0 before the first."""
    found = connection.scalar(
        sa.select(sa.func.max(Batch.up_to)).where(Batch.campaign_id == campaign_id)
    )
    return found or 0


def _reserve(connection: sa.Connection, campaign: Campaign) -> None:
    """Take all that it needs of the account's mails before anybody is written. Raises OverLimit."""
    needed = gathering.count(connection) + _written_so_far(connection, campaign.id)
    connection.rollback()
    with transaction():
        allowance.reserve(campaign.account, campaign.id, needed)


def _written_so_far(connection: sa.Connection, campaign_id: int) -> int:
    """Deliveries in the Batches of a campaign."""
    found = connection.scalar(
        sa.select(sa.func.sum(Batch.size)).where(Batch.campaign_id == campaign_id)
    )
    return int(found or 0)


def _copy(connection: sa.Connection, campaign_id: int, at_most: int | None) -> int:
    writing = connection.execution_options(**WRITING)
    total = gathering.count(writing)
    writing.rollback()
    added, at_once = 0, BATCH_SIZE * BATCHES_AT_ONCE
    for begin in range(1, max(total, 1) + 1, at_once):
        size, is_last = min(at_once, total + 1 - begin), begin + at_once > total
        slice_ = _Slice(campaign_id, begin, size, is_last, at_most)
        try:
            n = _write(writing, slice_, careful=False)
        except sa.exc.IntegrityError:
            # A merge gave the mail of somebody who is written to somebody who comes now.
            n = _write(writing, slice_, careful=True)
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


def _write(connection: sa.Connection, slice_: _Slice, *, careful: bool) -> int | None:
    """Batches for a slice, by few statements, however many rows. None where nothing is to be
    planned any more. `careful` asks an index about each row before writing it, which takes longer:
    somebody may have a mail out of the order."""
    with connection.begin():
        if not _is_to_plan(connection, slice_.campaign_id):
            return None
        added = _fill(connection, slice_, careful=careful) if slice_.size else 0
        if slice_.is_last:
            _finish(connection, slice_.campaign_id)
    return added


def _fill(connection: sa.Connection, slice_: _Slice, *, careful: bool) -> int:
    """The Deliveries, their Batches, and the counters of the receipt; returns how many Deliveries.
    Whoever another planner wrote meanwhile is left out by their id, for everybody is written in
    that order."""
    campaign_id, begin, size = slice_.campaign_id, slice_.begin, slice_.size
    above = _last_person(connection, campaign_id)
    if slice_.at_most is not None:
        # Another planner may have written some, of an audience that somebody joined or left since.
        room = max(0, slice_.at_most - _written_so_far(connection, campaign_id))
        size = gathering.first_of(connection, begin, size, above, room)
    people = {"begin": begin, "size": size, "each": BATCH_SIZE, "above": above}
    portions = gathering.portions(connection, **people)
    if not portions:
        return 0
    first_id = _reserve_ids(connection, "delivery", size)
    first_batch = _reserve_ids(connection, "batch", -(-size // BATCH_SIZE))
    places = {"first_id": first_id, "first_batch": first_batch, "campaign": campaign_id}
    fill = _filling(connection.dialect.name, careful=careful)
    connection.execute(fill, {**people, **places})
    last_number, batches = _last_number(connection, campaign_id), []
    for number, portion in enumerate(portions, last_number + 1):
        batch_id, start = first_batch + portion.number, first_id + portion.number * BATCH_SIZE
        last = min(start + BATCH_SIZE, first_id + size) - 1
        n = _written(connection, batch_id, start, last) if careful else portion.size
        row = {"id": batch_id, "number": number, "size": n, "up_to": portion.up_to}
        if n:
            batches.append({**row, "first_id": start, "last_id": last})
    if batches:
        fixed = {"campaign_id": campaign_id, "state": "ready", "runs": 0}
        connection.execute(sa.insert(Batch), [{**fixed, **batch} for batch in batches])
    added = sum(batch["size"] for batch in batches)
    tallying.shift(campaign_id, {("pending", ""): added}, on=connection)
    return added


def _written(connection: sa.Connection, batch_id: int, first_id: int, last_id: int) -> int:
    """Deliveries of a Batch."""
    of_batch = (Delivery.id.between(first_id, last_id), Delivery.batch_id == batch_id)
    return connection.scalar(sa.select(sa.func.count()).where(*of_batch)) or 0


def _reserve_ids(connection: sa.Connection, table: str, n: int) -> int:
    """The first of n ids in a row that nobody else takes."""
    name = {"name": table}
    if connection.dialect.name == "sqlite":
        last = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        return (connection.scalar(last, name) or 0) + 1
    # The name of the sequence is looked up once, not for each id.
    taken = sa.text(
        "SELECT min(id), max(id) FROM (SELECT nextval((SELECT"
        " CAST(pg_get_serial_sequence(:name, 'id') AS regclass))) AS id"
        " FROM generate_series(1, :n)) AS taken"
    )
    while True:
        first, last_id = connection.execute(taken, {**name, "n": n}).one()
        if last_id - first == n - 1:  # else somebody took one between, and we take others
            return int(first)


def _last_number(connection: sa.Connection, campaign_id: int) -> int:
    """Of a Batch; 0 before the first."""
    last = sa.select(sa.func.max(Batch.number)).where(Batch.campaign_id == campaign_id)
    return connection.scalar(last) or 0


def _finish(connection: sa.Connection, campaign_id: int) -> None:
    connection.execute(
        sa.update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.planned_at.is_(None))
        .values(planned_at=now())
        .execution_options(synchronize_session=False)
    )
