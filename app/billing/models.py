"""Who pays for what, as references alone: what a card is made of is kept by the provider.

A test looks through the columns of all tables for a place that could hold a card's number.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base, Id, Moment


class Contract(Base):
    """What an account pays for, as the provider last said; and whom to write to about it."""

    __tablename__ = "contract"
    __table_args__ = (
        sa.UniqueConstraint("customer_ref"),
        sa.Index("ix_contract_look_at", "look_at"),
    )

    account_id: Mapped[int] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True
    )
    email: Mapped[str] = mapped_column(sa.String(320), default="")
    """Where invoices and notices about paying go; empty: to the owners."""
    name: Mapped[str] = mapped_column(sa.String(200), default="")
    """On invoices; empty: the business's."""
    reference: Mapped[str] = mapped_column(sa.String(100), default="")
    """A line of the customer's own on invoices, such as an order number."""
    customer_ref: Mapped[str | None] = mapped_column(sa.String(64))
    subscription_ref: Mapped[str] = mapped_column(sa.String(64), default="")
    price_ref: Mapped[str] = mapped_column(sa.String(64), default="")
    checkout_ref: Mapped[str] = mapped_column(sa.String(255), default="")
    """The checkout that was begun last."""
    checkout_at: Mapped[datetime | None] = mapped_column()
    """When it was begun; null once something is paid for."""
    state: Mapped[str] = mapped_column(sa.String(24), default="")
    """The provider's word: active, trialing, past_due, unpaid, canceled, …; empty: nothing yet."""
    period_ends_at: Mapped[datetime | None] = mapped_column()
    ends_at: Mapped[datetime | None] = mapped_column()
    """When it ends, where somebody cancelled it."""
    failing_since: Mapped[datetime | None] = mapped_column()
    told: Mapped[str] = mapped_column(sa.String(16), default="")
    """The last notice about a payment that failed: failed, reminder."""
    look_at: Mapped[datetime | None] = mapped_column()
    """When to ask the provider next; null while there is no customer."""
    asked_at: Mapped[datetime | None] = mapped_column()
    """When the question was sent whose answer stands here: an older answer changes nothing."""
    problem: Mapped[str] = mapped_column(sa.String(200), default="")
    """Why the provider could not be asked."""


class PaymentEvent(Base):
    """An event of the provider, by its number: each counts once. Of its content nothing is kept."""

    __tablename__ = "payment_event"

    ref: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(64))
    is_ours: Mapped[bool] = mapped_column(default=True)
    """Whether it is about a customer of this installation."""
    at: Mapped[Moment] = mapped_column(default=now, index=True)


class PlanGrant(Base):
    """A plan, or mails, that the operator gave without payment, and why."""

    __tablename__ = "plan_grant"

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), index=True
    )
    plan: Mapped[str] = mapped_column(sa.String(32), default="")
    mails: Mapped[int] = mapped_column(default=0)
    """On top of the plan, for the month in which it was given."""
    reason: Mapped[str] = mapped_column(sa.String(500))
    given_by: Mapped[str] = mapped_column(sa.String(320))
    at: Mapped[Moment] = mapped_column(default=now)
    until: Mapped[datetime | None] = mapped_column()
    """When a plan ends that was given; null: it does not end by itself."""
    ended_at: Mapped[datetime | None] = mapped_column()
