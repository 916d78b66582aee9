"""The registers: who handles data for the operator, who was given some, and what went wrong."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base, BigId, Id, Moment


class Processor(Base):
    """A company that handles data for the operator. What settings name needs no row."""

    __tablename__ = "processor"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(sa.String(200))
    purpose: Mapped[str] = mapped_column(sa.Text)
    data: Mapped[str] = mapped_column(sa.Text)
    """Which data it gets to see."""
    place: Mapped[str] = mapped_column(sa.Text)
    """Where it handles them."""
    since: Mapped[date] = mapped_column(sa.Date)
    ended_on: Mapped[date | None] = mapped_column(sa.Date)


class Disclosure(Base):
    """Data of an account were given to somebody, or somebody asked that they be.

    Entered by one of the operator's people and approved by another; privacy.guarding refuses any
    later change, and removing.
    """

    __tablename__ = "disclosure"
    __table_args__ = (
        sa.CheckConstraint("decided_by_id <> entered_by_id", name="two_people"),
        sa.Index("ix_disclosure_account", "account_id", "id"),
    )

    id: Mapped[Id]
    account_id: Mapped[int | None] = mapped_column(sa.ForeignKey("account.id", ondelete="SET NULL"))
    recipient: Mapped[str] = mapped_column(sa.Text)
    data: Mapped[str] = mapped_column(sa.Text)
    """Which data."""
    purpose: Mapped[str] = mapped_column(sa.Text)
    ground: Mapped[str] = mapped_column(sa.String(16))
    """consent (written, of the customer) or court_order."""
    document_name: Mapped[str] = mapped_column(sa.String(255))
    stored_as: Mapped[str] = mapped_column(sa.String(64))
    """The sealed document, in the data folder: privacy.documents."""
    document_hash: Mapped[str] = mapped_column(sa.String(64))
    """SHA-256 of the document as it was given."""
    entered_by_id: Mapped[int] = mapped_column(BigId)
    entered_at: Mapped[Moment] = mapped_column(default=now)
    state: Mapped[str] = mapped_column(sa.String(8), default="waiting")
    """waiting, approved, refused."""
    decided_by_id: Mapped[int | None] = mapped_column(BigId)
    decided_at: Mapped[datetime | None] = mapped_column()
    decision: Mapped[str] = mapped_column(sa.Text, default="")
    """Why it was refused."""
    bar_reason: Mapped[str] = mapped_column(sa.Text, default="")
    """Why the customer must not be told yet; empty where they may."""
    barred_until: Mapped[date | None] = mapped_column(sa.Date)
    """The first day on which they are told."""
    told_at: Mapped[datetime | None] = mapped_column()


class Incident(Base):
    """Something went wrong with data."""

    __tablename__ = "incident"

    id: Mapped[Id]
    title: Mapped[str] = mapped_column(sa.String(200))
    began_on: Mapped[date] = mapped_column(sa.Date)
    found_on: Mapped[date] = mapped_column(sa.Date)
    what: Mapped[str] = mapped_column(sa.Text)
    data: Mapped[str] = mapped_column(sa.Text)
    """Which data, of how many."""
    measures: Mapped[str] = mapped_column(sa.Text)
    """What was done."""
    advice: Mapped[str] = mapped_column(sa.Text, default="")
    """What who is concerned can do."""
    concerns_all: Mapped[bool] = mapped_column(default=False)
    """Every account, or those of IncidentAccount."""
    entered_at: Mapped[Moment] = mapped_column(default=now)
    published_at: Mapped[datetime | None] = mapped_column()
    """Null while it is being written."""


class IncidentAccount(Base):
    """An account that an incident concerns, and whether its owners' mails are rows."""

    __tablename__ = "incident_account"
    __table_args__ = (
        sa.UniqueConstraint("incident_id", "account_id"),
        sa.Index(
            "ix_incident_account_untold", "id",
            sqlite_where=sa.text("told_at IS NULL"), postgresql_where=sa.text("told_at IS NULL"),
        ),
        sa.Index("ix_incident_account_account", "account_id", "incident_id"),
    )  # fmt: skip

    id: Mapped[Id]
    incident_id: Mapped[int] = mapped_column(sa.ForeignKey("incident.id", ondelete="CASCADE"))
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"))
    told_at: Mapped[datetime | None] = mapped_column()


class IncidentNote(Base):
    """What became known later, or that it is over. Only added."""

    __tablename__ = "incident_note"

    id: Mapped[Id]
    incident_id: Mapped[int] = mapped_column(
        sa.ForeignKey("incident.id", ondelete="CASCADE"), index=True
    )
    at: Mapped[Moment] = mapped_column(default=now)
    text: Mapped[str] = mapped_column(sa.Text)
