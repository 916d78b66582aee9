"""What keeps erased people out when an account moves to another installation."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.contacts.models.columns import account_key
from app.core.clock import now
from app.core.db import Base, Id, Moment


class SuppressionKey(Base):
    """A key that came with a take-out: addresses are compared with hashes made by it."""

    __tablename__ = "suppression_key"
    __table_args__ = (sa.UniqueConstraint("account_id", "name"),)

    id: Mapped[Id]
    account_id: Mapped[int] = account_key()
    name: Mapped[str] = mapped_column(sa.String(16))
    """Beginning of the key's own hash; Suppression.travel_key names it."""
    sealed_key: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[Moment] = mapped_column(default=now)
