"""Writing down who is to get a campaign: a Delivery per person, in Batches.

The audience is read once into a temporary table, which locks nobody out, and copied from there in
short transactions, so that an unsubscribe never waits for a plan. A crash leaves what is written;
planning again goes on behind it, and two planners at once write nothing twice.

On PostgreSQL two connections write at once, for both processors. The other one writes the people
that come first and commits first, so that whatever ends a plan leaves no gap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from app.campaigns import audience
from app.campaigns.models import Campaign
from app.core.clock import now
from app.core.db import BULK, WRITE, BigId, db, take_stock, transaction
from app.delivery import tallying
from app.delivery.gathering import Audience, PackedAudience, Portion
from app.delivery.models import Batch, Delivery
from app.plans import allowance

#: Recipients of one Batch: what one job claims.
BATCH_SIZE = 2_000
#: Batches that a connection writes in one transaction.
BATCHES_AT_ONCE = 10
#: A plan that a power cut takes back is written again; nothing of it was sent by then.
WRITING = {WRITE: True, BULK: True}


@cache
def _fill(dialect: str, careful: bool) -> sa.Insert:
    """Rows for what becomes one Batch. Who was erased since the audience was read is noticed before
    sending (`claiming.forget_erased`): a look at each person would cost a tenth of the plan."""
    into = sqlite.insert(Delivery) if dialect == "sqlite" else postgresql.insert(Delivery)
    people = (Audience if dialect == "sqlite" else PackedAudience).people()
    (person,) = people.selected_columns
    rows = people.with_only_columns(
        sa.bindparam("campaign", type_=BigId),
        person,
        sa.bindparam("batch", type_=BigId),
        sa.literal_column("'pending'"),
        sa.literal_column("0"),
    )
    filled = into.from_select(["campaign_id", "contact_id", "batch_id", "state", "tries"], rows)
    return (filled.on_conflict_do_nothing() if careful else filled).execution_options(
        preserve_rowcount=True
    )


#: The id of the row that this connection wrote last.
_NEWEST: dict[str, sa.Select[int]] = {
    "sqlite": sa.select(sa.func.last_insert_rowid()),
    "postgresql": sa.select(sa.func.lastval()),
}


@dataclass(frozen=True)
class Part:
    """What is written at once."""

    campaign_id: int
    portions: Sequence[Portion]
    is_last: bool
    careful: bool = False
    """Ask an index about each row before writing it, which takes longer: somebody may have a mail
    out of the order."""


@dataclass(frozen=True)
class Slice:
    """What one connection writes of it, in one transaction."""

    part: Part
    portions: Sequence[Portion]
    number: int
    """Of its first Batch."""
    above: int
    """Contact.id up to which everybody is written. Whoever another planner wrote is left out by
    that, for everybody is written in that order."""
    behind: int
    """Its Deliveries have higher ids."""


@dataclass(frozen=True)
class Filled:
    """A Batch with its Deliveries, not yet told how many they are."""

    batch_id: int
    size: int
    first_id: int
    """Its Deliveries have ids from here to `last_id`; those between may be another's."""
    last_id: int
    up_to: int


Another = Callable[[Slice], "Future[int]"]
"""Has a Slice written meanwhile."""


def plan(campaign: Campaign) -> int:
    """Write the Deliveries of a campaign that is sending or paused; returns how many were added.

    Raises allowance.OverLimit before the first one is written.
    Runs on a connection of its own and commits as it goes: call it outside a transaction.
    """
    campaign_id, chosen = campaign.id, _audience(campaign)
    db.session.rollback()
    with db.engine.connect() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        people = (Audience if is_sqlite else PackedAudience)(connection, BATCH_SIZE)
        try:
            take_stock(connection, "contact", "subscription")
            connection.commit()
            people.note(chosen)
            connection.commit()
            _reserve(connection, campaign, len(people))
            added = _copy(connection, campaign_id, people)
            take_stock(connection, "delivery")
            connection.commit()
            return added
        finally:
            connection.rollback()
            people.forget()
            connection.commit()
            if is_sqlite:
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


def _reserve(connection: sa.Connection, campaign: Campaign, chosen: int) -> None:
    """Take all that it needs of the account's mails before anybody is written. Raises OverLimit."""
    written = connection.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(Batch.size), 0)).where(
            Batch.campaign_id == campaign.id
        )
    )
    connection.rollback()
    with transaction():
        allowance.reserve(campaign.account, campaign.id, chosen + int(written or 0))


def _copy(connection: sa.Connection, campaign_id: int, people: Audience) -> int:
    writing = connection.execution_options(**WRITING)
    last = -(-len(people) // people.size)
    writing.rollback()
    added = 0
    with _another(writing) as another:
        at_once = BATCHES_AT_ONCE * (2 if another else 1)
        for first in range(1, max(last, 1) + 1, at_once):
            numbers = range(first, min(first + at_once, last + 1))
            portions = [people.portion(n) for n in numbers]
            writing.rollback()
            part = Part(campaign_id, portions, is_last=first + at_once > last)
            try:
                n = _write(writing, another, part)
            except sa.exc.IntegrityError:
                # A merge gave the mail of somebody who is written to somebody who comes now.
                n = _write(writing, another, replace(part, careful=True))
            if n is None:
                break
            added += n
    return added


@contextmanager
def _another(connection: sa.Connection) -> Iterator[Another | None]:
    """What has a Slice written meanwhile, in a transaction of its own; None on SQLite, where one
    writes at a time."""
    if connection.dialect.name == "sqlite":
        yield None
        return
    with connection.engine.connect() as other, ThreadPoolExecutor(1) as thread:
        writing = other.execution_options(**WRITING)

        def write(slice_: Slice) -> int:
            with writing.begin():
                return _write_slice(writing, slice_)

        yield lambda slice_: thread.submit(write, slice_)


def _is_to_plan(connection: sa.Connection, campaign_id: int) -> bool:
    """Hold the campaign's row: somebody else may be planning, or it was cancelled meanwhile."""
    found = connection.scalar(
        sa.select(Campaign.id)
        .where(
            Campaign.id == campaign_id,
            Campaign.state.in_(("sending", "paused")),
            Campaign.planned_at.is_(None),
        )
        # Not its key: Batches of the other connection hang on it.
        .with_for_update(key_share=True)
    )
    return found is not None


def _write(connection: sa.Connection, another: Another | None, part: Part) -> int | None:
    """Few statements, however many rows. None where nothing is to be planned any more."""
    with connection.begin():
        if not _is_to_plan(connection, part.campaign_id):
            return None
        added = _write_whole(connection, another, part) if part.portions else 0
        if part.is_last:
            _finish(connection, part.campaign_id)
    return added


def _write_whole(connection: sa.Connection, another: Another | None, part: Part) -> int:
    whole = Slice(
        part,
        part.portions,
        number=_next_number(connection, part.campaign_id),
        above=_last_person(connection, part.campaign_id),
        behind=connection.scalar(sa.select(sa.func.max(Delivery.id))) or 0,
    )
    if another is None:
        return _write_slice(connection, whole)
    half = (len(part.portions) + 1) // 2
    early = another(replace(whole, portions=part.portions[:half]))
    late = replace(whole, portions=part.portions[half:], number=whole.number + half)
    try:
        filled = _fill_batches(connection, late)
    finally:
        wait([early])
    # The counters only then: the other one must not wait for them until this one is through.
    return early.result() + _note_batches(connection, part.campaign_id, filled)


def _write_slice(connection: sa.Connection, slice_: Slice) -> int:
    filled = _fill_batches(connection, slice_)
    return _note_batches(connection, slice_.part.campaign_id, filled)


def _fill_batches(connection: sa.Connection, slice_: Slice) -> list[Filled]:
    """The Batches and their Deliveries."""
    opened = _open_batches(connection, slice_)
    dialect = connection.dialect.name
    fill, newest = _fill(dialect, slice_.part.careful), _NEWEST[dialect]
    fixed = {"campaign": slice_.part.campaign_id, "above": slice_.above}
    filled, last_id = [], slice_.behind
    for batch_id, portion in zip(opened, slice_.portions, strict=True):
        size = connection.execute(fill, {**fixed, "batch": batch_id, **portion.given}).rowcount
        first_id = last_id + 1
        if size:
            last_id = connection.scalar(newest) or 0
        filled.append(Filled(batch_id, size, first_id, last_id, portion.up_to))
    return filled


def _open_batches(connection: sa.Connection, slice_: Slice) -> Sequence[int]:
    """Empty ones, with the numbers that the slice says; their ids."""
    campaign_id = slice_.part.campaign_id
    numbers = range(slice_.number, slice_.number + len(slice_.portions))
    row = {"campaign_id": campaign_id, "size": 0, "state": "ready", "runs": 0}
    if numbers:
        connection.execute(sa.insert(Batch), [{**row, "number": number} for number in numbers])
    return connection.scalars(
        sa.select(Batch.id)
        .where(
            Batch.campaign_id == campaign_id,
            Batch.number.between(numbers.start, numbers.stop - 1),
        )
        .order_by(Batch.number)
    ).all()


def _note_batches(connection: sa.Connection, campaign_id: int, filled: Sequence[Filled]) -> int:
    """How many and which rows each has; the counters of the receipt. Returns how many in all."""
    for one in filled:
        # Empty: another planner was here, and everybody of these is in a batch of theirs.
        change = (
            sa.delete(Batch)
            if not one.size
            else sa.update(Batch).values(
                size=one.size, first_id=one.first_id, last_id=one.last_id, up_to=one.up_to
            )
        )
        connection.execute(change.where(Batch.id == one.batch_id))
    total = sum(one.size for one in filled)
    tallying.shift(campaign_id, {("pending", ""): total}, on=connection)
    return total


def _next_number(connection: sa.Connection, campaign_id: int) -> int:
    last = connection.scalar(
        sa.select(sa.func.max(Batch.number)).where(Batch.campaign_id == campaign_id)
    )
    return (last or 0) + 1


def _finish(connection: sa.Connection, campaign_id: int) -> None:
    connection.execute(
        sa.update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.planned_at.is_(None))
        .values(planned_at=now())
        .execution_options(synchronize_session=False)
    )
