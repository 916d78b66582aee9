"""What was counted once and is remembered."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.contacts.models.columns import account_key
from app.core.clock import now
from app.core.db import Base, BigId, Id, Json, Moment


class SegmentCount(Base):
    """How many people a rule fits, and when that was counted; of saved segments and of drafts."""

    __tablename__ = "segment_count"
    __table_args__ = (
        sa.UniqueConstraint("account_id", "digest"),
        sa.Index("ix_segment_count_state", "state", "asked_at"),
    )

    id: Mapped[Id]
    account_id: Mapped[int] = account_key()
    digest: Mapped[str] = mapped_column(sa.String(64))
    """Of the rule (segments.counting.digest)."""
    rule: Mapped[dict[str, Any]] = mapped_column(Json)
    state: Mapped[str] = mapped_column(sa.String(8), default="waiting")
    """waiting, counting, done, failed (it took too long)."""
    draft: Mapped[str] = mapped_column(sa.String(32), default="")
    """The page on which the rule is being written: what it asked before need not be counted."""
    people: Mapped[int | None] = mapped_column(BigId)
    """Null until it was counted; then it stays while it is counted again."""
    left_out: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """Reason → how many of them get no mail."""
    sample: Mapped[list[int]] = mapped_column(Json, default=list)
    """Ids of the newest of them, up to segments.counting.KEPT_IDS."""
    forecast: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """What would be different without these people (segments.forecasting)."""
    took_ms: Mapped[int] = mapped_column(default=0)
    asked_at: Mapped[Moment] = mapped_column(default=now)
    lease_until: Mapped[datetime | None] = mapped_column()
    counted_at: Mapped[datetime | None] = mapped_column()
