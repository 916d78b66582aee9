"""What contacts are gathered by."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.contacts.models.columns import account_key
from app.contacts.models.people import Contact
from app.core.clock import now
from app.core.db import Base, Id, Json, Moment


class ContactList(Base):
    """A named set one can subscribe to (glossary: List)."""

    __tablename__ = "list"
    __table_args__ = (sa.UniqueConstraint("account_id", "name"),)

    id: Mapped[Id]
    account_id: Mapped[int] = account_key()
    name: Mapped[str] = mapped_column(sa.String(200))
    description: Mapped[str] = mapped_column(sa.Text, default="")
    opt_in: Mapped[str] = mapped_column(sa.String(8), default="single")
    """single or double."""
    archived_at: Mapped[datetime | None] = mapped_column()
    active: Mapped[int] = mapped_column(default=0)
    """Kept counter: subscriptions that are active."""
    pending: Mapped[int] = mapped_column(default=0)
    is_sample: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[Moment] = mapped_column(default=now)


class Subscription(Base):
    """A Contact on a List."""

    __tablename__ = "subscription"
    __table_args__ = (
        sa.Index("ix_subscription_list", "list_id", "state", "contact_id"),
        sa.Index("ix_subscription_account", "account_id"),
    )

    contact_id: Mapped[int] = mapped_column(
        sa.ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True
    )
    list_id: Mapped[int] = mapped_column(
        sa.ForeignKey("list.id", ondelete="CASCADE"), primary_key=True
    )
    account_id: Mapped[int] = account_key()
    state: Mapped[str] = mapped_column(sa.String(8), default="active")
    """pending (double opt-in), active, ended."""
    since: Mapped[Moment] = mapped_column(default=now)
    ended_at: Mapped[datetime | None] = mapped_column()

    contact: Mapped[Contact] = relationship(back_populates="subscriptions")
    list: Mapped[ContactList] = relationship()


class Segment(Base):
    """A saved rule over contacts; stores no members."""

    __tablename__ = "segment"
    __table_args__ = (sa.UniqueConstraint("account_id", "name"),)

    id: Mapped[Id]
    account_id: Mapped[int] = account_key()
    name: Mapped[str] = mapped_column(sa.String(200))
    rule: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[Moment] = mapped_column(default=now)
