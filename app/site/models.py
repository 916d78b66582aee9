"""Questions to the operator."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base, Id, Moment


class Enquiry(Base):
    """A message from the contact form; reaches the operator as a mail."""

    __tablename__ = "enquiry"

    id: Mapped[Id]
    account_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("account.id", ondelete="SET NULL"), index=True
    )
    policy_version: Mapped[int | None] = mapped_column()
    """Number of the policy version that the question is about."""
    name: Mapped[str] = mapped_column(sa.String(200))
    email: Mapped[str] = mapped_column(sa.String(320))
    text: Mapped[str] = mapped_column(sa.Text)
    at: Mapped[Moment] = mapped_column(default=now)
