"""Whose addresses an account takes in at all."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.contacts.models.columns import plain
from app.core.clock import now
from app.core.db import Base, Moment


class DomainRule(Base):
    """A domain whose people stay out, or one of the only ones whose people come in."""

    __tablename__ = "domain_rule"

    account_id: Mapped[int] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True
    )
    domain: Mapped[str] = mapped_column(plain(255), primary_key=True)
    """In its ASCII form; `*.example.com` is all below it."""
    lets_in: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[Moment] = mapped_column(default=now)
