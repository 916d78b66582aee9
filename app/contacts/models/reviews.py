"""Files that somebody looks at before anybody of them may be mailed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.contacts.models.columns import account_key
from app.core.clock import now
from app.core.db import Base, BigId, Id, Json, Moment


class ImportReview(Base):
    """Why a file is held, in numbers, and what was decided."""

    __tablename__ = "import_review"
    __table_args__ = (
        sa.Index("ix_import_review_account", "account_id", "id"),
        sa.Index("ix_import_review_state", "state", "id"),
    )

    id: Mapped[Id]
    account_id: Mapped[int] = account_key()
    import_id: Mapped[int] = mapped_column(
        sa.ForeignKey("import.id", ondelete="CASCADE"), unique=True
    )
    state: Mapped[str] = mapped_column(sa.String(8), default="held")
    """held, released or refused."""
    findings: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    """[{code, words}]: numbers only."""
    samples: Mapped[list[str]] = mapped_column(Json, default=list)
    """Some of the addresses that it is about, masked: i•••@b••••••.example. Emptied at the end."""
    looked_at: Mapped[int] = mapped_column(default=0)
    """Rows."""
    at: Mapped[Moment] = mapped_column(default=now)
    decided_at: Mapped[datetime | None] = mapped_column()
    decided_by_id: Mapped[int | None] = mapped_column(BigId)
    words: Mapped[str] = mapped_column(sa.Text, default="")
    """The decision's reason, as the owner reads it."""
