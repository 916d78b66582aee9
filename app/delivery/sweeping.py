"""Finding what was left behind: dead runs, due retries, cancelled rows, ended campaigns.

Everything is found in the database and moved by conditions, so two sweeps at once do no harm and
a sweep that is missing for a while costs only time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from app.campaigns.models import Campaign
from app.core.clock import now
from app.core.db import db, transaction
from app.delivery import braking, claiming, journal, recording, sending, slowing, tallying
from app.delivery.models import Batch, Beat, Delivery, Tally, in_state
from app.delivery.tallying import SLOT_S
from app.mailer.smtp import Outcome

#: A run whose journal is not on this machine gets so much longer before it is given up.
GRACE = timedelta(seconds=30)
CHUNK = 1000
#: Batches to wake workers for at a time; each run goes on with the next by itself.
WAKE = 16
KEEP_BEATS_S = 3600


def sweep() -> list[int]:
    """Put everything in order; returns batches that workers should be woken for."""
    for lease in _open_leases():
        settle(lease)
    _find_astray()
    _wake_paced()
    _wake_due()
    for campaign_id in _cancelled():
        skip_rest(campaign_id)
    _brake()
    _finish()
    _forget_beats()
    return waiting_batches()


def settle(lease: str, *, astray_in: int | None = None) -> bool:
    """Decide about the rows of a dead run; False while it lives, or may live elsewhere.

    `astray_in`: the campaign whose rows it has outside of any batch of its own.
    """
    try:
        found = journal.read(lease)
    except journal.Alive:
        return False
    if found is None and not _is_long_gone(lease):
        return False
    # Without its journal nobody can tell what was sent: nothing is sent twice.
    known = found or journal.Found(is_complete=False)
    try:
        while _settle_some(lease, known, astray_in):
            pass
        with transaction():
            claiming.let_go(lease)
        known.forget()
    finally:
        known.release()
    return True


def waiting_batches(campaign_id: int | None = None) -> list[int]:
    """Some batches that nobody works on, of campaigns that are sending; fair between them."""
    place = sa.func.row_number().over(partition_by=Batch.campaign_id, order_by=Batch.number)
    query = (
        sa.select(Batch.id, place.label("place"))
        .join(Campaign, Campaign.id == Batch.campaign_id)
        .where(
            Batch.state == "ready", Campaign.state == "sending", Campaign.planned_at.is_not(None)
        )
    )
    if campaign_id is not None:
        query = query.where(Batch.campaign_id == campaign_id)
    rows = query.subquery()
    found = db.session.scalars(
        sa.select(rows.c.id).order_by(rows.c.place, rows.c.id).limit(WAKE)
    ).all()
    db.session.rollback()
    return list(found)


def skip_rest(campaign_id: int) -> int:
    """What a cancelled campaign had not sent yet; in short transactions, and in one passage."""
    total = 0
    for was in ("pending", "deferred"):
        behind: int | None = 0
        while behind is not None:
            with transaction():
                n, behind = _skip_some(campaign_id, was, behind)
            total += n
    return total


def _open_leases() -> Sequence[str]:
    """Leases that somebody holds, or held when they died."""
    leases = db.session.scalars(
        sa.select(Batch.lease)
        .where(Batch.state == "working", Batch.lease.is_not(None))
        .distinct()
        .limit(1000)
    ).all()
    db.session.rollback()
    return [str(lease) for lease in leases]


def _is_long_gone(lease: str) -> bool:
    until = db.session.scalar(sa.select(sa.func.max(Batch.lease_until)).where(Batch.lease == lease))
    db.session.rollback()
    return until is None or until + GRACE < now()


def _find_astray() -> None:
    """A net below everything else: no mail is ever out of sight.

    A claim at the moment in which another machine's sweep gives the batch up, or a decision to
    send again at the moment in which a run ends, may leave mails where nobody looks. The kept
    counters tell of them; only then is the campaign read.
    """
    for campaign_id in _unworked("sending", Campaign.state.in_(("sending", "paused", "cancelled"))):
        for lease in _leases_of(campaign_id):
            settle(lease, astray_in=campaign_id)
    for campaign_id in _unworked(
        "pending", Campaign.state == "sending", Campaign.planned_at.is_not(None)
    ):
        _reopen(campaign_id)


def _unworked(state: str, *conditions: sa.ColumnElement[bool]) -> Sequence[int]:
    """Campaigns with Deliveries in a state, and nobody who works on any."""
    worked = sa.exists().where(Batch.campaign_id == Campaign.id, Batch.state == "working")
    found = db.session.scalars(
        sa.select(Campaign.id)
        .join(Tally, Tally.campaign_id == Campaign.id)
        .where(*conditions, Tally.state == state, Tally.n > 0, ~worked)
    ).all()
    db.session.rollback()
    return found


def _leases_of(campaign_id: int) -> Sequence[str]:
    """Who claimed long ago what is still on its way."""
    found = db.session.scalars(
        sa.select(Delivery.lease)
        .where(
            Delivery.campaign_id == campaign_id, Delivery.state == "sending",
            Delivery.claimed_at < now() - claiming.LEASE - GRACE,
        )
        .distinct()
    ).all()  # fmt: skip
    db.session.rollback()
    return [str(lease) for lease in found]


def _reopen(campaign_id: int) -> None:
    """Batches that are done and have somebody who waits."""
    is_ready = sa.exists().where(Batch.campaign_id == campaign_id, Batch.state == "ready")
    if db.session.scalar(sa.select(is_ready)):
        db.session.rollback()
        return
    waits = sa.exists().where(
        Delivery.id.between(Batch.first_id, Batch.last_id),
        Delivery.batch_id == Batch.id,
        Delivery.state == "pending",
    )
    with transaction():
        db.session.execute(
            sa.update(Batch)
            .where(Batch.campaign_id == campaign_id, Batch.state == "done", waits)
            .values(state="ready")
            .execution_options(synchronize_session=False)
        )


def _settle_some(lease: str, found: journal.Found, astray_in: int | None) -> bool:
    with transaction():
        rows = (
            claiming.astray(astray_in, lease, CHUNK) if astray_in else claiming.held(lease, CHUNK)
        )
        by_campaign: dict[int, list[Outcome]] = {}
        for row in rows:
            by_campaign.setdefault(row.campaign_id, []).append(found.verdict(row.id))
        tries = {row.id: row.tries for row in rows}
        for campaign_id, outcomes in by_campaign.items():
            book = tallying.Book(campaign_id)
            recording.record(book, lease, outcomes, tries)
            book.write()
            _tell(campaign_id, outcomes)
    return len(rows) == CHUNK


def _tell(campaign_id: int, outcomes: list[Outcome]) -> None:
    lost = sum(outcome.kind == "uncertain" for outcome in outcomes)
    words = "A sending process ended unexpectedly; another one goes on."
    if lost:
        words += f" {lost} mails may or may not have arrived: they are shown as uncertain."
    tallying.note(campaign_id, words)


def _wake_paced() -> None:
    """Mails that waited for a provider which is at full speed again."""
    for _ in range(WAKE):
        with transaction():
            if not slowing.wake(10 * CHUNK):
                return


def _wake_due() -> None:
    """Batches with deferred mails that are due again.

    Only of those that are done: what is due and cannot go yet, of a paused campaign or behind a
    spent limit, must not stand before everybody else's.
    """
    due = db.session.scalars(
        sa.select(Delivery.batch_id)
        .join(Batch, sa.and_(Batch.id == Delivery.batch_id, Batch.state == "done"))
        .where(Delivery.next_try_at <= now(), Delivery.state == "deferred")
        .distinct()
        .limit(CHUNK)
    ).all()
    db.session.rollback()
    if not due:
        return
    with transaction():
        db.session.execute(
            sa.update(Batch)
            .where(Batch.state == "done", Batch.id.in_(due))
            .values(state="ready")
            .execution_options(synchronize_session=False)
        )


def _cancelled() -> Sequence[int]:
    found = db.session.scalars(
        sa.select(Campaign.id)
        .join(Tally, Tally.campaign_id == Campaign.id)
        .where(Campaign.state == "cancelled", Tally.state.in_(("pending", "deferred")), Tally.n > 0)
        .distinct()
    ).all()
    db.session.rollback()
    return found


def _skip_some(campaign_id: int, was: str, behind: int) -> tuple[int, int | None]:
    """How many were skipped, and the id behind which others may wait; None at the end."""
    chosen = db.session.scalars(
        sa.select(Delivery.id)
        .where(Delivery.campaign_id == campaign_id, Delivery.id > behind, in_state(was))
        .order_by(Delivery.id)
        .limit(CHUNK)
    ).all()
    cancelled = sa.exists().where(Campaign.id == campaign_id, Campaign.state == "cancelled")
    result = db.session.execute(
        sa.update(Delivery)
        .where(recording.among(chosen), Delivery.state == was, cancelled)
        .values(state="skipped", reason="cancelled", lease=None, next_try_at=None)
        .execution_options(synchronize_session=False)
    )
    n = int(result.rowcount)  # type: ignore[attr-defined]
    tallying.shift(campaign_id, tallying.moved(was, "skipped", n, reason="cancelled"))
    return n, chosen[-1] if len(chosen) == CHUNK else None


def _brake() -> None:
    """Campaigns that refuse themselves while they go out: nothing comes back for those."""
    going = db.session.scalars(sa.select(Campaign.id).where(Campaign.state == "sending")).all()
    db.session.rollback()
    for campaign_id in going:
        with transaction():
            braking.look(campaign_id)


def _finish() -> None:
    over = db.session.scalars(
        sa.select(Campaign.id).where(Campaign.state == "sending", Campaign.planned_at.is_not(None))
    ).all()
    db.session.rollback()
    for campaign_id in over:
        with transaction():
            sending.finish_if_over(campaign_id)


def _forget_beats() -> None:
    oldest = int(now().timestamp() - KEEP_BEATS_S) // SLOT_S
    with transaction():
        slowing.tidy()
        db.session.execute(
            sa.delete(Beat).where(Beat.slot < oldest).execution_options(synchronize_session=False)
        )


def by_campaign(batch_ids: Sequence[int]) -> dict[int, list[int]]:
    """Batches by their campaign, both in the order given."""
    rows = db.session.execute(
        sa.select(Batch.id, Batch.campaign_id).where(Batch.id.in_(batch_ids))
    ).all()
    db.session.rollback()
    of = {row.id: row.campaign_id for row in rows}
    found: dict[int, list[int]] = {}
    for batch_id in batch_ids:
        if batch_id in of:
            found.setdefault(of[batch_id], []).append(batch_id)
    return found
