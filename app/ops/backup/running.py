"""Backups by themselves: due ones are claimed as rows, made, proven, and old ones removed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import sqlalchemy as sa

from app.accounts import notices
from app.config import Config
from app.core.clock import now
from app.core.db import connection, db, dialect_name, insert, transaction
from app.ops.backup import archive, rehearsing, sealing
from app.ops.backup.places import Place, place_of
from app.ops.backup.trouble import Trouble
from app.staff import backups
from app.staff.models import BackupRun

log = logging.getLogger(__name__)

BEAT_S = 20.0
#: Whoever made it and gave no sign of life for so long is gone.
GONE = timedelta(minutes=5)
#: How often one is tried, and how long it rests in between.
TRIES = 4
REST = timedelta(minutes=15)
#: Any number; the same in every process, so that only one claims on PostgreSQL at a time.
LOCK = 7_463_002


def run_due(config: Config) -> bool:
    """Make the backup that is due, if one is; True when one was made or failed.

    Several at once do no harm: a turn of the schedule is one row, and a row is claimed once.
    """
    if not config.BACKUP_TO:
        return False
    with transaction():
        _give_up_lost()
        _want_scheduled(config)
        run_id = _claim()
    if run_id is None:
        return False
    _make(config, run_id)
    return True


def _want_scheduled(config: Config) -> None:
    slot = int(now().timestamp() // (config.BACKUP_EVERY_HOURS * 3600))
    db.session.execute(
        insert(BackupRun)
        .values(slot=slot, state="wanted", wanted_at=now(), due_at=now())
        .on_conflict_do_nothing(index_elements=["slot"])
    )


def _give_up_lost() -> None:
    """Whoever was killed in the middle: another does it."""
    lost = db.session.execute(
        sa.select(BackupRun.id, BackupRun.tries).where(
            BackupRun.state == "running", BackupRun.beat_at < now() - GONE
        )
    ).all()
    for run_id, tries in lost:
        _try_later(run_id, tries, "It was interrupted.", rest=timedelta(0))


def _try_later(run_id: int, tries: int, why: str, *, rest: timedelta = REST) -> bool:
    """Put it back in line; False when it was tried often enough and has failed."""
    is_over = tries >= TRIES
    change = {"state": "failed", "ended_at": now()} if is_over else {"state": "wanted"}
    db.session.execute(
        sa.update(BackupRun)
        .where(BackupRun.id == run_id, BackupRun.state == "running")
        .values(error=why, due_at=now() + rest, **change)
        .execution_options(synchronize_session=False)
    )
    return not is_over


def _claim() -> int | None:
    """One at a time: while one is running nobody begins another."""
    if dialect_name() == "postgresql":
        connection().execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    other = sa.orm.aliased(BackupRun)
    busy = sa.exists().where(other.state == "running")
    wanted = db.session.scalar(
        sa.select(BackupRun.id)
        .where(BackupRun.state == "wanted", BackupRun.due_at <= now(), ~busy)
        .order_by(BackupRun.slot.is_not(None), BackupRun.id.desc())
        .limit(1)
    )
    if wanted is None:
        return None
    _drop_others(wanted)
    return db.session.scalar(
        sa.update(BackupRun)
        .where(BackupRun.id == wanted, BackupRun.state == "wanted")
        .values(state="running", beat_at=now(), tries=BackupRun.tries + 1)
        .returning(BackupRun.id)
        .execution_options(synchronize_session=False)
    )


def _drop_others(run_id: int) -> None:
    """Turns that are due at the same time: one backup is as good as three."""
    db.session.execute(
        sa.update(BackupRun)
        .where(BackupRun.state == "wanted", BackupRun.slot.is_not(None), BackupRun.id != run_id)
        .values(state="dropped", ended_at=now())
        .execution_options(synchronize_session=False)
    )


def _make(config: Config, run_id: int) -> None:
    with _alive(config, run_id):
        try:
            place = place_of(config)
            if place is not None:
                _make_there(config, place, run_id)
        except (Trouble, OSError) as error:
            _fail(config, run_id, str(error))
        except Exception as error:
            _fail(config, run_id, f"{type(error).__name__}: {error}")
            raise


def _make_there(config: Config, place: Place, run_id: int) -> None:
    name = f"leadersend-{now():%Y%m%d-%H%M%S}-{run_id}.tar.gz.age"
    place.tidy()
    _write(config, place, name)
    size = next((one.size_bytes for one in place.kept() if one.name == name), 0)
    _note(run_id, place=place.words, name=name, size_bytes=size)
    rehearsal = rehearsing.rehearse(config, place, name)
    _note(
        run_id, state="done", ended_at=now(), error="", rehearsal=rehearsal.result,
        rehearsed_at=now(), findings=rehearsal.as_dict(),
    )  # fmt: skip
    if rehearsal.result == "bad":
        _tell(config, "The newest backup could not be brought back", rehearsal.words)
    else:
        _prune(config, place)


def _write(config: Config, place: Place, name: str) -> None:
    key = sealing.key_of(config.LEADERSEND_HOME)
    with place.writing(name) as file, sealing.writing(file, key) as plain:
        archive.fill(config, plain)


def _fail(config: Config, run_id: int, why: str) -> None:
    log.error("backup %d failed: %s", run_id, why)
    with transaction():
        tries = backups.one(run_id).tries
        is_tried_again = _try_later(run_id, tries, why)
    # The first time, so that it can be mended before the next try; and when it is over.
    if tries == 1 or not is_tried_again:
        _tell(config, "No backup could be made", [why])


def _note(run_id: int, **values: object) -> None:
    with transaction():
        db.session.execute(
            sa.update(BackupRun)
            .where(BackupRun.id == run_id)
            .values(values)
            .execution_options(synchronize_session=False)
        )


def _prune(config: Config, place: Place) -> None:
    """Keep the newest; the last one that was rehearsed well always stays."""
    proven = backups.last_proven()
    db.session.rollback()
    for old in place.kept()[: -config.BACKUP_KEEP]:
        if proven is not None and old.name == proven.name:
            continue
        place.remove(old.name)
        with transaction():
            db.session.execute(
                sa.update(BackupRun)
                .where(BackupRun.name == old.name)
                .values(is_gone=True)
                .execution_options(synchronize_session=False)
            )


def _tell(config: Config, what: str, words: list[str]) -> None:
    with transaction():
        notices.queue(
            "backup_trouble", config.OPERATOR_EMAIL, what=what, words=words,
            url=f"{config.BASE_URL}/staff/backups", place=config.BACKUP_TO,
        )  # fmt: skip


@contextmanager
def _alive(config: Config, run_id: int) -> Iterator[None]:
    """Signs of life from a thread of its own, however long the work takes."""
    over = threading.Event()

    def beat() -> None:
        engine = sa.create_engine(config.DATABASE_URL, poolclass=sa.NullPool)
        while not over.wait(BEAT_S):
            try:
                with engine.begin() as own:
                    own.execute(
                        sa.update(BackupRun).where(BackupRun.id == run_id).values(beat_at=now())
                    )
            except sa.exc.OperationalError:
                continue  # busy or away; the next one will do

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
