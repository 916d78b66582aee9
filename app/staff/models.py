"""What the operator's people see of the installation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base, BigId, Id, Json, Moment


class BackupRun(Base):
    """One backup: wanted, made, and what its rehearsal found."""

    __tablename__ = "backup_run"
    __table_args__ = (sa.Index("ix_backup_run_state", "state", "id"),)

    id: Mapped[Id]
    slot: Mapped[int | None] = mapped_column(BigId, unique=True)
    """Which turn of the schedule it is, so that two ticks make one; null where a person asked."""
    state: Mapped[str] = mapped_column(sa.String(8), default="wanted")
    """wanted, running, done, failed, dropped (another was made at that time)."""
    asked_by: Mapped[str] = mapped_column(sa.String(320), default="")
    wanted_at: Mapped[Moment] = mapped_column()
    due_at: Mapped[Moment] = mapped_column(default=now)
    """Not before; later than `wanted_at` once a try did not work."""
    tries: Mapped[int] = mapped_column(sa.SmallInteger, default=0)
    beat_at: Mapped[datetime | None] = mapped_column()
    """The last sign of life of who makes it."""
    ended_at: Mapped[datetime | None] = mapped_column()
    place: Mapped[str] = mapped_column(sa.Text, default="")
    name: Mapped[str] = mapped_column(sa.String(128), default="")
    size_bytes: Mapped[int] = mapped_column(BigId, default=0)
    is_gone: Mapped[bool] = mapped_column(default=False)
    """Removed from its place, as newer ones are there."""
    error: Mapped[str] = mapped_column(sa.Text, default="")
    rehearsal: Mapped[str] = mapped_column(sa.String(8), default="")
    """good, bad, skipped; empty before it."""
    rehearsed_at: Mapped[datetime | None] = mapped_column()
    findings: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """{tables, rows, seconds, words: [what was found]}."""
