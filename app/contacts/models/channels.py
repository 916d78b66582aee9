"""Other ways of reaching people than mail."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.contacts.models.columns import account_key
from app.core.clock import now
from app.core.db import Base, BigId, Moment


class ChannelConsent(Base):
    """Whether a contact may be reached by post or by phone; e-mail has lists and Suppression."""

    __tablename__ = "channel_consent"
    __table_args__ = (sa.Index("ix_channel_consent_account", "account_id"),)

    contact_id: Mapped[int] = mapped_column(
        sa.ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True
    )
    channel: Mapped[str] = mapped_column(sa.String(8), primary_key=True)
    """post or phone."""
    account_id: Mapped[int] = account_key()
    is_allowed: Mapped[bool] = mapped_column()
    wording: Mapped[str] = mapped_column(sa.Text, default="")
    """How they said so, in the owner's words."""
    member_id: Mapped[int | None] = mapped_column(BigId)
    at: Mapped[Moment] = mapped_column(default=now)
