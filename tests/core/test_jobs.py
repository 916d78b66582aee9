"""Waking workers: once while it is worth it, and again whatever became of the last job."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from rq.executions import ExecutionRegistry
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from app.core import jobs
from app.core.clock import now
from app.core.queue_server import client
from app.delivery.jobs import send_batch


def wake() -> bool:
    return jobs.enqueue(send_batch, 7, key="batch-7", on="sending")


def waiting() -> int:
    return int(jobs.queue("sending").count)


def the_job() -> Job:
    return Job.fetch("batch-7", connection=client(), serializer=JSONSerializer)


def run_by_a_worker(heartbeat_s: float) -> None:
    """As a worker leaves it that took the job and spoke last so many seconds ago."""
    client().delete("rq:queue:sending")
    the_job().set_status(JobStatus.STARTED)
    the_job().heartbeat(now() - timedelta(seconds=heartbeat_s), 60)


def test_a_job_that_waits_is_not_enqueued_again(app: Flask) -> None:
    assert wake()
    assert not wake()
    assert waiting() == 1


@pytest.mark.parametrize(("silent_s", "again"), [(4, False), (20, True), (-3600, True)])
def test_a_job_is_run_anew_when_its_worker_is_silent(
    app: Flask, silent_s: float, *, again: bool
) -> None:
    wake()
    run_by_a_worker(silent_s)

    assert wake() is again
    assert waiting() == again


def test_a_job_that_was_taken_and_never_begun_is_enqueued_again(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    wake()
    client().delete("rq:queue:sending")

    assert not wake()  # a worker may be just about to begin it
    monkeypatch.setattr(jobs, "LOST_AFTER", timedelta(0))
    assert wake()
    assert waiting() == 1


def test_an_abandoned_job_whose_run_has_expired_is_enqueued_again(app: Flask) -> None:
    wake()
    client().delete("rq:queue:sending")
    runs = ExecutionRegistry(job_id="batch-7", connection=client())
    client().zadd(runs.key, {"a-run-whose-record-is-gone": now().timestamp() + 60})
    the_job().set_status(JobStatus.FAILED)

    assert wake()
    assert waiting() == 1
