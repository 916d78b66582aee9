"""Accounts on their way out of an installation and into one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base, BigId, Id, Json, Moment

#: While one of these, no second one of the account may be begun.
OPEN_OUT = ("queued", "running")
OPEN_IN = ("looking", "ready", "queued", "running")


def _account_key() -> Mapped[int]:
    return mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"))


def _one_open(name: str, states: tuple[str, ...]) -> sa.Index:
    """One at a time for an account, kept by the database itself."""
    words = ", ".join(f"'{state}'" for state in states)
    is_open = sa.text(f"state IN ({words})")
    return sa.Index(name, "account_id", unique=True, sqlite_where=is_open, postgresql_where=is_open)


class Takeout(Base):
    """Everything of an account as one ZIP file in the data folder."""

    __tablename__ = "takeout"
    __table_args__ = (
        sa.Index("ix_takeout_account", "account_id", "id"),
        sa.Index("ix_takeout_state", "state"),
        _one_open("ix_takeout_open", OPEN_OUT),
    )

    id: Mapped[Id]
    account_id: Mapped[int] = _account_key()
    member_id: Mapped[int | None] = mapped_column(BigId)
    """Who asked for it; null where the operator did."""
    state: Mapped[str] = mapped_column(sa.String(12), default="queued")
    """queued, running, finished, failed, removed."""
    stored_as: Mapped[str] = mapped_column(sa.String(64))
    """Name under takeouts/ in the data folder; random."""
    size_bytes: Mapped[int] = mapped_column(BigId, default=0)
    """How long the file was when a run last closed it: what a crash takes it back to."""
    rows: Mapped[int] = mapped_column(default=0)
    expected: Mapped[int] = mapped_column(default=0)
    """How many rows it will be, from kept counters."""
    error: Mapped[str] = mapped_column(sa.Text, default="")
    lease: Mapped[str | None] = mapped_column(sa.String(32))
    """Random name of the run that works on it."""
    lease_until: Mapped[datetime | None] = mapped_column()
    runs: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[Moment] = mapped_column(default=now)
    finished_at: Mapped[datetime | None] = mapped_column()
    remove_at: Mapped[datetime | None] = mapped_column()
    """When the file goes."""


class Takein(Base):
    """A ZIP file of a take-out on its way into an account."""

    __tablename__ = "takein"
    __table_args__ = (
        sa.Index("ix_takein_account", "account_id", "id"),
        sa.Index("ix_takein_state", "state"),
        _one_open("ix_takein_open", OPEN_IN),
    )

    id: Mapped[Id]
    account_id: Mapped[int] = _account_key()
    member_id: Mapped[int | None] = mapped_column(BigId)
    filename: Mapped[str] = mapped_column(sa.String(255))
    stored_as: Mapped[str] = mapped_column(sa.String(64))
    size_bytes: Mapped[int] = mapped_column(BigId, default=0)
    state: Mapped[str] = mapped_column(sa.String(12), default="looking")
    """looking (every byte is checked), ready (waits for a yes), queued, running, finished,
    failed, dropped (the owner said no)."""
    about: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """Of the manifest: {account, made_at, files: {name: rows}}."""
    forecast: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """What will happen, counted while looking."""
    counts: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """What has happened: {kind: {added, known, left_out}}."""
    problems: Mapped[list[str]] = mapped_column(Json, default=list)
    """The first rows that were left out, each with its reason."""
    cursor: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """{file} while looking; {step, offset}: where to go on, saved with what was stored."""
    rows: Mapped[int] = mapped_column(default=0)
    expected: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(sa.Text, default="")
    lease: Mapped[str | None] = mapped_column(sa.String(32))
    lease_until: Mapped[datetime | None] = mapped_column()
    runs: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[Moment] = mapped_column(default=now)
    finished_at: Mapped[datetime | None] = mapped_column()


class Moved(Base):
    """What a row's number in a taken-out file has become here; forgotten when all is in."""

    __tablename__ = "moved"

    takein_id: Mapped[int] = mapped_column(
        sa.ForeignKey("takein.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    """contact, list, segment, import, campaign, delivery, link."""
    old_id: Mapped[int] = mapped_column(primary_key=True)
    new_id: Mapped[int | None] = mapped_column()
    """Null for who is kept out here."""
