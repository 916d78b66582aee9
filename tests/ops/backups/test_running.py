"""Backups by themselves: once a turn, proven, gone on with after a kill, and old ones removed."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Notice
from app.config import CHECKOUT, Config
from app.core.clock import now
from app.core.db import db, transaction
from app.ops.backup import archive, rehearsing, running, sealing
from app.ops.backup.places import Folder
from app.staff import backups
from app.staff.models import BackupRun
from tests.conftest import Person
from tests.ops.running import environment
from tests.servers import wait_until


@pytest.fixture
def kept(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "kept")


def runs() -> list[BackupRun]:
    db.session.rollback()
    db.session.expire_all()
    return backups.latest()


def test_a_turn_makes_one_that_was_brought_back(
    app: Flask, settings: Config, kept: Folder, alice: Person
) -> None:
    assert running.run_due(settings)
    assert not running.run_due(settings)

    (run,) = runs()
    (file,) = kept.path.iterdir()
    assert (run.state, run.rehearsal, run.findings["words"]) == ("done", "good", [])
    assert run.findings["rows"] > 3
    assert (run.name, run.size_bytes) == (file.name, file.stat().st_size)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_bytes().startswith(sealing.MAGIC)
    assert b"bakery.example" not in file.read_bytes()
    assert [path.name for path in settings.LEADERSEND_HOME.glob("backup-*")] == []


def test_the_key_is_ours_alone_and_never_in_a_backup(
    app: Flask, settings: Config, kept: Folder, tmp_path: Path
) -> None:
    running.run_due(settings)

    key = settings.LEADERSEND_HOME / "backup_key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    (name,) = [one.name for one in kept.kept()]
    with kept.reading(name) as file:
        archive.unpack(file, tmp_path / "out", key=sealing.read_key(key))
    names = {path.name for path in (tmp_path / "out").rglob("*")}
    assert "secret_key" in names
    assert "backup_key" not in names


def test_several_ticks_at_once_make_one(app: Flask, settings: Config, kept: Folder) -> None:
    made: list[bool] = []

    def tick() -> None:
        with app.app_context():
            made.append(running.run_due(settings))

    threads = [threading.Thread(target=tick) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    assert sorted(made) == [False, False, False, True]
    assert len(kept.kept()) == 1


def test_while_one_is_made_nobody_begins_another(app: Flask, settings: Config) -> None:
    with transaction():
        db.session.add(BackupRun(state="running", wanted_at=now(), beat_at=now()))
        backups.want("vera@example.com")

    assert not running.run_due(settings)


def test_old_ones_go_but_the_last_proven_stays(
    app: Flask, settings: Config, kept: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = replace(settings, BACKUP_KEEP=2)
    running.run_due(few)
    (proven,) = kept.kept()
    skipped = rehearsing.Rehearsal(result="skipped")
    monkeypatch.setattr(rehearsing, "rehearse", lambda *_: skipped)
    for _ in range(3):
        with transaction():
            backups.want("vera@example.com")
        assert running.run_due(few)

    names = [one.name for one in kept.kept()]
    assert len(names) == 3
    assert names[0] == proven.name
    assert {run.name for run in runs() if not run.is_gone} == set(names)


def test_what_is_not_ours_is_never_removed(app: Flask, settings: Config, kept: Folder) -> None:
    kept.path.mkdir()
    (kept.path / "letters.tar.gz").write_text("mine")
    for _ in range(3):
        with transaction():
            backups.want("vera@example.com")
        running.run_due(replace(settings, BACKUP_KEEP=1))

    assert (kept.path / "letters.tar.gz").read_text() == "mine"
    assert len(kept.kept()) == 1


def test_a_place_that_fails_is_tried_again_and_told(
    app: Flask, settings: Config, tmp_path: Path
) -> None:
    (tmp_path / "kept").write_text("a file where a folder should be")

    for _ in range(running.TRIES):
        assert running.run_due(settings)
        assert not running.run_due(settings)
        with transaction():
            db.session.execute(sa.update(BackupRun).values(due_at=now()))

    (run,) = runs()
    assert (run.state, run.tries) == ("failed", running.TRIES)
    assert "kept" in run.error
    notices = db.session.scalars(sa.select(Notice).order_by(Notice.id)).all()
    assert [one.kind for one in notices] == ["backup_trouble", "backup_trouble"]
    assert notices[0].to_email == settings.OPERATOR_EMAIL
    assert run.error in notices[0].text


def test_a_full_place_leaves_nothing_and_hangs_nobody(
    app: Flask,
    settings: Config,
    kept: Folder,
) -> None:
    """The writing end must hear of it, however much it still wants to write."""
    (settings.LEADERSEND_HOME / "uploads").mkdir()
    with (settings.LEADERSEND_HOME / "uploads" / "noise").open("wb") as noise:
        noise.write(os.urandom(8_000_000))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    database = settings.LEADERSEND_HOME / "leadersend.sqlite"
    room = (database.stat().st_size if database.exists() else 0) + 4_000_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    began = time.monotonic()
    try:
        running.run_due(settings)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    (run,) = runs()
    assert run.state == "wanted"
    assert "File too large" in run.error
    assert list(kept.path.iterdir()) == []
    assert time.monotonic() - began < 30


CHILD = """
import time
from app.config import load
from app.factory import create_app
from app.ops.backup import archive, running
def wait(*_):
    print("half way", flush=True)
    time.sleep(60)
archive._kept = wait
config = load()
with create_app(config).app_context():
    running.run_due(config)
"""


def test_one_that_was_killed_in_the_middle_is_made_by_the_next(
    app: Flask, settings: Config, kept: Folder, queue: object
) -> None:
    env = environment(
        settings.LEADERSEND_HOME, DATABASE_URL=settings.DATABASE_URL,
        REDIS_URL=settings.REDIS_URL, BACKUP_TO=settings.BACKUP_TO,
    )  # fmt: skip
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", CHILD], env=env, cwd=CHECKOUT, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"half way\n"
        child.kill()
    assert [path.suffix for path in kept.path.iterdir()] == [".partial"]
    assert not running.run_due(settings), "it may live still"
    with transaction():
        gone = now() - running.GONE - timedelta(seconds=1)
        db.session.execute(sa.update(BackupRun).values(beat_at=gone))
    (left,) = settings.LEADERSEND_HOME.glob("backup-*/")
    _make_old(left)
    _make_old(*kept.path.iterdir())

    assert running.run_due(settings)

    (run,) = runs()
    assert (run.state, run.rehearsal, run.tries) == ("done", "good", 2)
    assert [path.name for path in kept.path.iterdir()] == [run.name]
    assert not left.exists()


def _make_old(*paths: Path) -> None:
    for path in paths:
        os.utime(path, (time.time() - 90_000, time.time() - 90_000))


def test_who_is_making_one_gives_signs_of_life(
    app: Flask, settings: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "BEAT_S", 0.05)
    with transaction():
        run = backups.want("vera@example.com")
        run.state, run.beat_at = "running", now() - timedelta(hours=1)

    def is_fresh() -> bool:
        db.session.rollback()
        beat = backups.one(run.id).beat_at
        return beat is not None and beat > now() - timedelta(minutes=1)

    with running._alive(settings, run.id):
        wait_until(is_fresh, seconds=10)
