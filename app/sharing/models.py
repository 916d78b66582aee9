"""Links for outsiders, and who was told of a mail by a friend."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.campaigns.models import Campaign
from app.core.clock import now
from app.core.db import Base, BigId, Id, Moment


class ShareLink(Base):
    """A link by which somebody without an account sees one report or one preview."""

    __tablename__ = "share_link"
    __table_args__ = (sa.Index("ix_share_link_account", "account_id", "id"),)

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"))
    campaign_id: Mapped[int] = mapped_column(
        sa.ForeignKey("campaign.id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[str] = mapped_column(sa.String(8))
    """report or preview."""
    label: Mapped[str] = mapped_column(sa.String(200), default="")
    """Whom it is for; only the account sees it."""
    nonce: Mapped[int] = mapped_column(BigId)
    """By chance; stands in the address, so that it means nothing to a copy of the database."""
    password_hash: Mapped[str | None] = mapped_column(sa.String(255))
    expires_at: Mapped[Moment] = mapped_column()
    revoked_at: Mapped[datetime | None] = mapped_column()
    opened: Mapped[int] = mapped_column(default=0)
    """Kept counter: how often it was looked at."""
    opened_at: Mapped[datetime | None] = mapped_column()
    created_by_id: Mapped[int | None] = mapped_column(BigId)
    created_at: Mapped[Moment] = mapped_column(default=now)

    campaign: Mapped[Campaign] = relationship()


class ToldFriend(Base):
    """Somebody was told of a mail: a keyed hash of the address, nothing else."""

    __tablename__ = "told_friend"
    __table_args__ = (
        sa.Index("ix_told_friend_account", "account_id", "told_at"),
        sa.Index("ix_told_friend_told", "told_at"),
    )

    address_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    campaign_id: Mapped[int] = mapped_column(
        sa.ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"))
    told_at: Mapped[Moment] = mapped_column(default=now)


class NeverTell(Base):
    """Somebody does not want to be told of anything, by nobody here: a keyed hash, for good."""

    __tablename__ = "never_tell"

    address_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    at: Mapped[Moment] = mapped_column(default=now)
