"""What accounts have used of their plans: counters that are kept, never counted on a page."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base, Id, Moment


class MailMonth(Base):
    """The mails of an account in one month (UTC)."""

    __tablename__ = "mail_month"

    account_id: Mapped[int] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True
    )
    month: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    """Its first day."""
    used: Mapped[int] = mapped_column(default=0)
    """Sum of Reservation.mails, plus what was given back."""
    extra: Mapped[int] = mapped_column(default=0)
    """Granted by the operator on top of the plan."""


class Reservation(Base):
    """What a campaign takes of its account's mails; written before its first recipient is."""

    __tablename__ = "reservation"
    __table_args__ = (sa.Index("ix_reservation_settled_at", "settled_at", "campaign_id"),)

    campaign_id: Mapped[int] = mapped_column(
        sa.ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True
    )
    account_id: Mapped[int] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), index=True
    )
    month: Mapped[date] = mapped_column(sa.Date)
    mails: Mapped[int] = mapped_column()
    settled_at: Mapped[datetime | None] = mapped_column()
    """When the campaign was over and what it had not used was given back."""


class LimitNotice(Base):
    """The owners were told how near a limit is; once a period."""

    __tablename__ = "limit_notice"
    __table_args__ = (sa.UniqueConstraint("account_id", "what", "level", "period"),)

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"))
    what: Mapped[str] = mapped_column(sa.String(16))
    """contacts, mails; or campaign, for one that waits."""
    level: Mapped[int] = mapped_column(sa.SmallInteger)
    """80 or 100 percent; 101 for more contacts than the plan has, which begins the grace; 0 for a
    campaign of which the owners are still to be told."""
    period: Mapped[str] = mapped_column(sa.String(20))
    """The month it is about, as 2026-11; empty for level 101, which lasts until it is over; the id
    of a campaign."""
    at: Mapped[Moment] = mapped_column(default=now)
