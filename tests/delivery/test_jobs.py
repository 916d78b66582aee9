"""Jobs for campaigns: enough for all workers, never so many that somebody else waits behind."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from app.core import jobs as queueing
from app.core import settings
from app.core.db import db, transaction
from app.core.queue_server import client
from app.delivery import claiming, jobs, planning, sending, starting, sweeping
from app.delivery.models import Batch
from tests.delivery.conftest import check


@pytest.fixture
def slow(campaign_to, to_server, monkeypatch):
    """A campaign of 20 batches whose runs end before they come far."""
    monkeypatch.setattr(planning, "BATCH_SIZE", 5)
    monkeypatch.setattr(sending, "DEADLINE_S", 0.0)
    run = sending.send_batch
    monkeypatch.setattr(
        sending, "send_batch", lambda batch_id, **terms: run(batch_id, seconds=0.0, **terms)
    )
    campaign = campaign_to([f"v{n}@example.com" for n in range(100)])
    starting.plan(campaign.id)
    return campaign


def work_one():
    worker = SimpleWorker(
        [queueing.queue("sending")], connection=client(), serializer=JSONSerializer
    )
    worker.work(burst=True, max_jobs=1, logging_level="ERROR")


def queued():
    return queueing.queue("sending").count


def test_a_campaign_that_goes_slowly_does_not_fill_the_queue(slow):
    most = 0
    for _ in range(30):
        jobs.sweep()
        work_one()
        most = max(most, queued())

    assert check(slow).pending > 0
    assert 1 <= most <= settings.get().WORKERS + 1


def test_a_run_goes_on_without_a_sweep(slow):
    jobs.wake(slow.id)
    for _ in range(5):
        work_one()
        assert queued() >= 1


def test_a_batch_that_another_took_meanwhile_is_no_reason_to_stop(slow):
    first, *_ = sweeping.waiting_batches(slow.id)
    with transaction():
        assert claiming.take_batch(first, "other")

    assert sending.send_batch(first, or_another=True) is True

    db.session.rollback()
    runs = db.session.scalars(sa.select(Batch.runs).order_by(Batch.number)).all()
    assert runs[:3] == [1, 1, 0]


def test_one_that_is_over_begins_nothing(slow):
    first, *_ = sweeping.waiting_batches(slow.id)
    with transaction():
        db.session.execute(sa.update(Batch).values(state="done"))

    assert sending.send_batch(first, or_another=True) is False
