"""What two contacts were before they became one."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.contacts.models.columns import account_key
from app.core.clock import now
from app.core.db import Base, BigId, Id, Json, Moment


class Merge(Base):
    """Two Contacts became one, kept for a while so that it can be taken back.

    Goes with the contact that stayed: nothing of an erased person stays behind in it.
    """

    __tablename__ = "contact_merge"
    __table_args__ = (
        sa.Index("ix_contact_merge_kept", "kept_id"),
        sa.Index("ix_contact_merge_account", "account_id", "id"),
        sa.Index("ix_contact_merge_until", "kept_until"),
    )

    id: Mapped[Id]
    account_id: Mapped[int] = account_key()
    kept_id: Mapped[int] = mapped_column(sa.ForeignKey("contact.id", ondelete="CASCADE"))
    other_id: Mapped[int] = mapped_column(BigId)
    """The contact that is gone; it gets its id back."""
    member_id: Mapped[int | None] = mapped_column(BigId)
    at: Mapped[Moment] = mapped_column(default=now)
    kept_until: Mapped[Moment]
    was: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """contacts.parting.Was as JSON."""
