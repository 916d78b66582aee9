"""Waking workers. A job carries ids only, and losing one costs nothing but time.

The database says what is to be done; a sweep (`worker.py`) finds what no job came for. So a
queue that cannot be reached is logged, never an error for the person who pressed the button.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import redis
from rq import Queue, Worker
from rq.exceptions import DuplicateJobError, NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer

from app.core import settings
from app.core.clock import now
from app.core.queue_server import client

log = logging.getLogger(__name__)

#: In the order in which an idle worker looks: system mail before campaigns before long work.
QUEUES = ("system", "sending", "work")
#: Seconds after which RQ itself ends a job. Jobs watch a much shorter deadline of their own.
TIMEOUT_S = 900
#: A job is taken for lost when its worker has been silent for so long; they speak every 5 s.
LOST_AFTER = timedelta(seconds=15)


def queue(name: str, connection: redis.Redis | None = None) -> Queue:
    """One of QUEUES, with JSON instead of pickle."""
    return Queue(name, connection=connection or client(), serializer=JSONSerializer)


def workers() -> int:
    """How many workers there are on all machines, as far as can be told; those of this one else."""
    try:
        return max(settings.get().WORKERS, Worker.count(connection=client()))
    except redis.RedisError:
        return settings.get().WORKERS


def stands_in_line(key: str, on: str) -> bool:
    """Whether a job of that name waits in a queue; False where nobody can tell."""
    try:
        return queue(on).get_job_position(key) is not None
    except redis.RedisError:
        return False


def is_waiting(name: str) -> bool:
    """Whether a job waits in one of QUEUES; False where nobody can tell."""
    try:
        return queue(name).count > 0
    except redis.RedisError:
        return False


def enqueue(job: Callable[..., Any], *ids: int, key: str, on: str = "work") -> bool:
    """Wake a worker for `job(*ids)`; False when it is queued already or nobody could be woken.

    `key` is the job's name in the queue: letters, digits, "-" and "_".
    """
    try:
        return _enqueue(job, ids, key, on)
    except (redis.ConnectionError, redis.TimeoutError) as error:
        log.warning("queue away, the sweep will find %s: %s", key, type(error).__name__)
    except redis.ResponseError as error:
        log.warning("queue refused %s, the sweep will find it: %s", key, error)
    return False


def _enqueue(job: Callable[..., Any], ids: tuple[int, ...], key: str, on: str) -> bool:
    target = queue(on)
    for _ in range(2):
        try:
            target.enqueue(
                job,
                args=ids,
                job_id=key,
                unique=True,
                job_timeout=TIMEOUT_S,
                result_ttl=0,
                failure_ttl=3600,
            )
            return True
        except DuplicateJobError:
            if not _forget_ended(key, target):
                return False
    return False


def _forget_ended(key: str, target: Queue) -> bool:
    """Remove a job of that name that is over or lost; False while it really waits or runs."""
    try:
        job = Job.fetch(key, connection=client(), serializer=JSONSerializer)
    except NoSuchJobError:
        return True
    if not _is_over(job, target):
        return False
    # RQ's list of a job's runs may name one whose record has expired, and deleting fails on it.
    client().delete(job.execution_registry.key)
    job.delete()
    return True


def _is_over(job: Job, target: Queue) -> bool:
    """A worker that is killed together with its parent leaves its job "started", or "queued" in
    no queue; RQ notices after a minute or more, and some it never notices."""
    status = job.get_status()
    if status == "started":
        return _is_old(job.last_heartbeat)
    if status == "queued":
        return _is_old(job.enqueued_at) and target.get_job_position(job.id) is None
    return status not in ("deferred", "scheduled")


def _is_old(moment: datetime | None) -> bool:
    """A moment to come tells of a clock that was put back: as good as long ago."""
    return moment is None or abs(now() - moment) > LOST_AFTER
