"""worker.py: a real queue, real forks."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from flask import Flask

import worker
from app.config import CHECKOUT
from app.core import heartbeat, jobs, queue_server
from app.core.jobs import QUEUES
from app.core.migrating import upgrade
from tests.ops import sample_jobs
from tests.ops.running import alive, environment
from tests.servers import QueueServer, Server, wait_until


class Workers(Server):
    """worker.py alone, as on a machine that only works."""

    def __init__(self, home: Path, queue: QueueServer, workers: int = 1) -> None:
        self.home = home
        self.home.mkdir(mode=0o700, exist_ok=True)
        self.url = f"sqlite:///{home}/leadersend.sqlite"
        upgrade(self.url)
        self.env = environment(
            home, REDIS_URL=queue.url, WORKERS=str(workers), PYTHONPATH=str(CHECKOUT)
        )

    def start(self) -> None:
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, str(CHECKOUT / "worker.py")], env=self.env
        )
        wait_until(self.has(".ready", "worker"), what="the worker")

    def has(self, end: str, begin: str = "") -> object:
        return lambda: (self.home / f"{begin}{end}").exists()

    def tree(self) -> list[psutil.Process]:
        assert self.process
        return psutil.Process(self.process.pid).children(recursive=True)


@pytest.fixture
def workers(tmp_path: Path, app: Flask, queue: QueueServer) -> Iterator[Workers]:
    with Workers(tmp_path / "home", queue) as workers:
        yield workers


def test_jobs_run_inside_the_application(workers: Workers) -> None:
    jobs.enqueue(sample_jobs.note, 7, key="note-7", on="sending")
    jobs.enqueue(sample_jobs.note, 8, key="note-8", on="work")

    wait_until(workers.has("noted-7"), what="the first job")
    wait_until(workers.has("noted-8"), what="the second job")


def test_a_long_job_is_asked_to_end_and_nobody_is_left(workers: Workers) -> None:
    jobs.enqueue(sample_jobs.last_until_told, 1, key="long-1")
    wait_until(workers.has("begun-1"), what="the job to begin")
    tree, began = workers.tree(), time.monotonic()

    workers.stop()

    assert time.monotonic() - began < 5
    assert (workers.home / "ended-1").exists()
    assert not any(alive(process) for process in tree)


def test_a_deaf_job_is_cut_off_in_time(workers: Workers) -> None:
    jobs.enqueue(sample_jobs.never_end, 1, key="deaf-1")
    wait_until(workers.has("begun-1"), what="the job to begin")
    tree, began = workers.tree(), time.monotonic()

    workers.stop()

    assert time.monotonic() - began < 15
    wait_until(lambda: not any(alive(process) for process in tree), what="the job to be gone")


def test_a_killed_parent_takes_its_workers_along(workers: Workers) -> None:
    tree = workers.tree()

    workers.kill()

    wait_until(lambda: not any(alive(process) for process in tree), what="the children to follow")


def test_the_tick_shows_that_it_lives(workers: Workers) -> None:
    queue_server.client().delete(heartbeat.KEY)

    wait_until(lambda: heartbeat.age_s() is not None, what="a sign of life")


def test_a_worker_outlives_a_restart_of_the_queue_server(tmp_path: Path, app: Flask) -> None:
    own = QueueServer()
    with own, Workers(tmp_path / "home", own) as workers:
        own.kill()
        own.start()
        queue_server.configure(own.url)

        jobs.enqueue(sample_jobs.note, 3, key="note-3")

        wait_until(workers.has("noted-3"), seconds=60, what="the job after the restart")


def test_every_queue_is_watched_and_one_of_several_prefers_long_work() -> None:
    alone = worker.queues_for(0, 1)
    first, last = worker.queues_for(0, 3), worker.queues_for(2, 3)

    assert set(alone) == set(first) == set(last) == set(QUEUES)
    assert first.index("sending") < first.index("work")
    assert last.index("work") < last.index("sending")


@pytest.mark.parametrize("name", [name for name, _ in worker.TICK])
def test_every_step_of_the_tick_exists(name: str) -> None:
    assert callable(worker.find(name))


@pytest.mark.parametrize("name", [name for name, _ in worker.TICK])
def test_every_step_of_the_tick_is_harmless_when_nothing_is_to_do(app: Flask, name: str) -> None:
    worker.find(name)()


def test_a_step_that_fails_is_tried_again(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[int] = []

    def step() -> None:
        calls.append(1)
        raise RuntimeError("broken")

    monkeypatch.setattr(worker, "find", lambda _name: step)
    monkeypatch.setattr(worker, "AFTER_ERROR_S", 0.01)
    over = threading.Event()
    thread = threading.Thread(target=worker.repeat, args=(app, "a.step", 0.01, over))
    thread.start()
    wait_until(lambda: len(calls) > 2, what="another try")
    over.set()
    thread.join()

    assert "a.step failed; it is tried again" in caplog.text
