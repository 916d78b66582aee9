"""Links that set a password, and sessions."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import Member
from app.core.clock import now
from app.core.db import Base, Id, Moment


class PasswordLink(Base):
    """A single-use, expiring link to set a password: the first one or a new one."""

    __tablename__ = "password_link"

    id: Mapped[Id]
    member_id: Mapped[int] = mapped_column(
        sa.ForeignKey("member.id", ondelete="CASCADE"), index=True
    )
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    created_at: Mapped[Moment] = mapped_column(default=now)
    expires_at: Mapped[Moment] = mapped_column()
    used_at: Mapped[datetime | None] = mapped_column()

    member: Mapped[Member] = relationship()


class SignedIn(Base):
    """One signed-in browser. The cookie holds a random secret, the row its hash."""

    __tablename__ = "signed_in"

    id: Mapped[Id]
    member_id: Mapped[int] = mapped_column(
        sa.ForeignKey("member.id", ondelete="CASCADE"), index=True
    )
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    account_id: Mapped[int | None] = mapped_column(sa.ForeignKey("account.id", ondelete="SET NULL"))
    """The account being looked at."""
    created_at: Mapped[Moment] = mapped_column(default=now)
    seen_at: Mapped[Moment] = mapped_column(default=now)
    ended_at: Mapped[datetime | None] = mapped_column()
    network: Mapped[str] = mapped_column(sa.String(64), default="")
    """Shortened address: /24 or /48."""
    browser: Mapped[str] = mapped_column(sa.String(200), default="")

    member: Mapped[Member] = relationship()


class EmailChange(Base):
    """A new address of a person, used once its mailbox has answered; single use, expires."""

    __tablename__ = "email_change"

    id: Mapped[Id]
    member_id: Mapped[int] = mapped_column(
        sa.ForeignKey("member.id", ondelete="CASCADE"), index=True
    )
    email: Mapped[str] = mapped_column(sa.String(320))
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    created_at: Mapped[Moment] = mapped_column(default=now)
    expires_at: Mapped[Moment] = mapped_column()
    used_at: Mapped[datetime | None] = mapped_column()

    member: Mapped[Member] = relationship()
