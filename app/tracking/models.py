"""Kept counters of what readers did."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base, BigId, Id, Moment


class Reader(Base):
    """What one Delivery's reader did first; makes "people" countable without counting."""

    __tablename__ = "reader"
    __table_args__ = (sa.Index("ix_reader_campaign", "campaign_id", "delivery_id"),)

    delivery_id: Mapped[int] = mapped_column(
        sa.ForeignKey("delivery.id", ondelete="CASCADE"), primary_key=True
    )
    campaign_id: Mapped[int] = mapped_column(sa.ForeignKey("campaign.id", ondelete="CASCADE"))
    opened_at: Mapped[datetime | None] = mapped_column()
    machine_opened_at: Mapped[datetime | None] = mapped_column()
    clicked_at: Mapped[datetime | None] = mapped_column()
    machine_clicked_at: Mapped[datetime | None] = mapped_column()


class Score(Base):
    """Kept counters of a campaign: hits and people by kind, verdict and link."""

    __tablename__ = "score"

    campaign_id: Mapped[int] = mapped_column(
        sa.ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    """open, click, unsubscribe, complaint, bounce."""
    verdict: Mapped[str] = mapped_column(sa.String(8), primary_key=True, default="")
    link_id: Mapped[int] = mapped_column(primary_key=True, default=0)
    """0: all links together."""
    hits: Mapped[int] = mapped_column(default=0)
    people: Mapped[int] = mapped_column(default=0)


class HourScore(Base):
    """The curve over time: hits per hour."""

    __tablename__ = "hour_score"

    campaign_id: Mapped[int] = mapped_column(
        sa.ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True
    )
    hour: Mapped[Moment] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    verdict: Mapped[str] = mapped_column(sa.String(8), primary_key=True, default="")
    n: Mapped[int] = mapped_column(default=0)


class ProviderReport(Base):
    """A report of a mail provider, proven and not yet worked."""

    __tablename__ = "provider_report"

    id: Mapped[Id]
    hook_id: Mapped[int] = mapped_column(
        sa.ForeignKey("report_hook.id", ondelete="CASCADE"), index=True
    )
    at: Mapped[Moment] = mapped_column(default=now)
    body: Mapped[bytes] = mapped_column(sa.LargeBinary)
    is_question: Mapped[bool] = mapped_column(default=False)
    """SNS asks whether its subscription is wanted."""
    done: Mapped[int] = mapped_column(default=0)
    """So many of its pieces of news were worked, in the transactions that did it."""
    tries: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[Moment] = mapped_column(default=now, index=True)


class Intake(Base):
    """How far what came in has been taken: written in the transaction that counts it.

    The row `hits` holds the id of the last hit taken from the stream, and its lock lets one
    taker work at a time; the row `reports` does so for reports of providers. Rows named after a
    file say that the file was taken, should its removal be cut off.
    """

    __tablename__ = "intake"

    name: Mapped[str] = mapped_column(sa.String(120), primary_key=True)
    cursor: Mapped[str] = mapped_column(sa.String(40), default="")
    at: Mapped[Moment] = mapped_column(default=now)


class StoppedLink(Base):
    """The operator lets nobody through to a link, a host or any link of an account."""

    __tablename__ = "stopped_link"
    __table_args__ = (sa.Index("ix_stopped_link_key", "key"),)

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(sa.String(300))
    """link:ID, host:NAME (and what lies below it), or account:ID."""
    reason: Mapped[str] = mapped_column(sa.Text)
    """For whoever clicks."""
    by_id: Mapped[int | None] = mapped_column(BigId)
    at: Mapped[Moment] = mapped_column(default=now)
    ended_at: Mapped[datetime | None] = mapped_column()
