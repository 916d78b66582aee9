"""Kept counters of who came and who went, day by day."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class ListDay(Base):
    """How many joined and left a list on a day (UTC)."""

    __tablename__ = "list_day"

    list_id: Mapped[int] = mapped_column(
        sa.ForeignKey("list.id", ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    joined: Mapped[int] = mapped_column(default=0)
    """Subscriptions that became active."""
    gone: Mapped[int] = mapped_column(default=0)


class PeopleDay(Base):
    """How many contacts an account got and lost on a day (UTC)."""

    __tablename__ = "people_day"

    account_id: Mapped[int] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    joined: Mapped[int] = mapped_column(default=0)
    gone: Mapped[int] = mapped_column(default=0)
