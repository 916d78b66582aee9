"""The database killed, locked, restarted, away: F5, F11, F12, F13."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.contacts import suppressions
from app.core.db import db
from app.core.tokens import Purpose, sign
from tests.faults.conftest import Add
from tests.faults.test_queue_server import post, still_waiting
from tests.faults.world import CONNECTIONS, World
from tests.servers import PostgresServer, wait_until

pytestmark = pytest.mark.faults

N = 500


def test_everything_killed_at_once(
    postgres_world: World, own_postgres: PostgresServer, row: Add
) -> None:
    world = postgres_world
    world.server.faults.late_s = 0.15
    crew, web = world.crew(), world.start_web()
    campaign = world.send(N, name="reset")
    world.wait_for_mails("reset", 80)
    web.kill_rest()
    web.stop(signal.SIGKILL)
    crew.kill()
    world.queue.kill()
    kill_group(own_postgres)
    time.sleep(1)

    own_postgres.start()
    world.queue.start()
    crew.start()
    began = time.monotonic()
    world.start_web()
    seconds = time.monotonic() - began
    seconds = max(seconds, world.seconds_to_next())
    world.wait_until_over(campaign)

    row("F5", "web, workers, queue server, PostgreSQL killed", world.sums(campaign, N),
        seconds=seconds, uncertain=2 * CONNECTIONS)  # fmt: skip


def test_sqlite_is_whole_after_everything_was_killed(sqlite_world: World, row: Add) -> None:
    world = sqlite_world
    world.server.faults.late_s = 0.15
    crew, web = world.crew(), world.start_web()
    campaign = world.send(N, name="reset")
    world.wait_for_mails("reset", 80)
    web.kill_rest()
    web.stop(signal.SIGKILL)
    crew.kill()
    world.queue.kill()
    world.queue.start()
    crew.start()
    seconds = world.seconds_to_next(campaign=campaign)
    world.wait_until_over(campaign)

    row("F5", "web, workers, queue server killed, on SQLite", world.sums(campaign, N),
        seconds=seconds, uncertain=2 * CONNECTIONS)  # fmt: skip
    assert world.read(lambda: db.session.scalar(sa.text("PRAGMA integrity_check"))) == "ok"


def kill_group(server: PostgresServer) -> None:
    """kill -9 for PostgreSQL and all its processes."""
    import psutil

    assert server.process
    family = psutil.Process(server.process.pid)
    parts = [family, *family.children(recursive=True)]
    for part in parts:
        # Some of its processes live for a moment only.
        with contextlib.suppress(psutil.NoSuchProcess):
            part.kill()
    server.process.wait()
    psutil.wait_procs(parts, timeout=10)
    server.process = None
    (server.folder / "data" / "postmaster.pid").unlink(missing_ok=True)


def test_sqlite_locked_for_half_a_minute(sqlite_world: World, row: Add) -> None:
    world = sqlite_world
    world.server.faults.late_s = 0.3
    web = world.start_web()
    world.crew()
    campaign = world.send(N, name="locked")
    world.wait_for_mails("locked", 20)
    leaving = still_waiting(world, campaign)
    answers: list[tuple[int, float]] = []

    def leave() -> None:
        began = time.monotonic()
        for _ in range(10):
            status = post(web.port, f"/u/{sign(Purpose.UNSUBSCRIBE, leaving.id)}")
            answers.append((status, time.monotonic() - began))
            if status == 200:
                return
            time.sleep(2)  # a provider's robot comes again later, and so does a person

    other = sqlite3.connect(world.home / "leadersend.sqlite", isolation_level=None)
    other.execute("PRAGMA busy_timeout = 10000")
    other.execute("BEGIN IMMEDIATE")
    person = threading.Thread(target=leave)
    person.start()
    time.sleep(30)
    other.execute("ROLLBACK")
    other.close()
    seconds = world.seconds_to_next()
    person.join(60)
    world.wait_until_over(campaign)

    row("F11", "SQLite locked by another for 30 s", world.sums(campaign, N), seconds=seconds)
    assert answers[-1][0] == 200
    assert {status for status, _ in answers} <= {200, 503}
    assert suppressions.find(world.account_id, leaving.address)
    assert world.arrived("locked")[leaving.address] == 0


def test_postgresql_restarted_at_once(
    postgres_world: World, own_postgres: PostgresServer, row: Add
) -> None:
    world = postgres_world
    world.server.faults.late_s = 0.15
    world.crew()
    campaign = world.send(N, name="restart")
    world.wait_for_mails("restart", 60)
    own_postgres.stop(signal.SIGQUIT)  # pg_ctl stop -m immediate
    own_postgres.start()
    seconds = world.seconds_to_next(more=4 * CONNECTIONS, campaign=campaign)
    world.wait_until_over(campaign)

    row("F12", "PostgreSQL restarted, immediately", world.sums(campaign, N), seconds=seconds)


def test_the_database_goes_right_after_a_250(
    postgres_world: World, own_postgres: PostgresServer, tmp_path: Path, row: Add
) -> None:
    world = postgres_world
    known = tmp_path / "known"
    world.crew(FAULTS_STOP_AT=str(known))
    campaign = world.send(N, name="gone")
    wait_until(known.exists, seconds=60, what="an answer")
    own_postgres.stop(signal.SIGQUIT)
    time.sleep(10)
    own_postgres.start()
    seconds = world.seconds_to_next(campaign=campaign)
    world.wait_until_over(campaign)

    row("F13", "PostgreSQL away 10 s right after a 250", world.sums(campaign, N), seconds=seconds)
