"""What keeps the trust of readers, customers and the operator in each other, as rows."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base, BigId, Id, Moment


class KeepingChoice(Base):
    """How long the operator wants a kind of data kept, and how far forgetting it has come."""

    __tablename__ = "keeping_choice"

    key: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    days: Mapped[int | None] = mapped_column()
    """Null: the number of the table of rules."""
    due_at: Mapped[Moment] = mapped_column(default=now)
    """When to look next; while somebody looks, the end of their lease."""
    ran_at: Mapped[datetime | None] = mapped_column()
    place: Mapped[int] = mapped_column(BigId, default=0)
    """How far a rule that walks a large table has come: an id."""


class KeepingDay(Base):
    """How much of a kind of data was forgotten on a day (UTC)."""

    __tablename__ = "keeping_day"
    __table_args__ = (sa.UniqueConstraint("key", "day"), sa.Index("ix_keeping_day_day", "day"))

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(sa.String(32))
    day: Mapped[date] = mapped_column(sa.Date)
    n: Mapped[int] = mapped_column(default=0)
