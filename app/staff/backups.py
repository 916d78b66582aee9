"""Backups as rows: which were made, which is wanted, when the next one is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from app.core.clock import now
from app.core.db import db
from app.staff.models import BackupRun


def want(by: str) -> BackupRun:
    """Somebody asks for one now; the tick makes it within a minute."""
    waiting = db.session.scalar(
        sa.select(BackupRun).where(BackupRun.state == "wanted", BackupRun.slot.is_(None)).limit(1)
    )
    if waiting is not None:
        return waiting
    run = BackupRun(state="wanted", asked_by=by, wanted_at=now(), due_at=now())
    db.session.add(run)
    db.session.flush()
    return run


def latest(limit: int = 30) -> list[BackupRun]:
    """The newest first, without turns for which another was made."""
    made = sa.select(BackupRun).where(BackupRun.state != "dropped")
    return list(db.session.scalars(made.order_by(BackupRun.id.desc()).limit(limit)))


def one(run_id: int) -> BackupRun:
    """A run as it is now."""
    return db.session.get_one(BackupRun, run_id, populate_existing=True)


def last_made() -> BackupRun | None:
    """The newest that is there, rehearsed or not."""
    return db.session.scalar(
        sa.select(BackupRun).where(BackupRun.state == "done").order_by(BackupRun.id.desc()).limit(1)
    )


def last_proven() -> BackupRun | None:
    """The newest whose rehearsal went well."""
    return db.session.scalar(
        sa.select(BackupRun)
        .where(BackupRun.rehearsal == "good", BackupRun.is_gone.is_(False))
        .order_by(BackupRun.id.desc())
        .limit(1)
    )


def next_due(every_hours: int) -> datetime:
    """When the next turn of the schedule begins; turns are counted from 1970."""
    every_s = every_hours * 3600
    slot = int(now().timestamp() // every_s)
    return datetime.fromtimestamp((slot + 1) * every_s, UTC)


def is_late(made: BackupRun | None, every_hours: int) -> bool:
    """Whether the newest backup is older than two turns."""
    oldest = now() - timedelta(hours=2 * every_hours)
    return made is None or made.ended_at is None or made.ended_at < oldest
