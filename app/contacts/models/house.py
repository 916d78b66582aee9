"""What makes the operator's own account: who of the customers each of its contacts is."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, BigId


class House(Base):
    """The operator's own account: the two lists, and how far its people were looked through."""

    __tablename__ = "house"

    account_id: Mapped[int] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True
    )
    newsletter_id: Mapped[int | None] = mapped_column(sa.ForeignKey("list.id", ondelete="SET NULL"))
    promotions_id: Mapped[int | None] = mapped_column(sa.ForeignKey("list.id", ondelete="SET NULL"))
    said_id: Mapped[int] = mapped_column(default=0)
    """The last MemberConsent that was followed."""
    heard_id: Mapped[int] = mapped_column(default=0)
    """The last Consent of the house that was looked at."""
    walked_id: Mapped[int] = mapped_column(default=0)
    """The last Member of the walk through all of them."""
    walked_at: Mapped[datetime | None] = mapped_column()
    """When the last walk came to its end."""


class HouseContact(Base):
    """A contact of the house is a Member: there is no other way in."""

    __tablename__ = "house_contact"

    contact_id: Mapped[int] = mapped_column(
        sa.ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True
    )
    member_id: Mapped[int] = mapped_column(BigId, unique=True)
    """Without a foreign key: when the member is gone, the walk erases the contact."""
