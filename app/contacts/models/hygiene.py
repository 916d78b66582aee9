"""What a look through an account's contacts found."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.contacts.models.columns import plain
from app.core.clock import now
from app.core.db import Base, BigId, Json, Moment


class CleanUpLook(Base):
    """The latest look through an account's contacts: how far it is, and what it found."""

    __tablename__ = "clean_up_look"

    account_id: Mapped[int] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True
    )
    state: Mapped[str] = mapped_column(sa.String(8), default="looking")
    """looking, done."""
    step: Mapped[str] = mapped_column(sa.String(16), default="clearing")
    """clearing, people, same_mailbox, same_phone, names: what is done now."""
    cursor: Mapped[list[Any]] = mapped_column(Json, default=list)
    counts: Mapped[dict[str, int]] = mapped_column(Json, default=dict)
    walked: Mapped[int] = mapped_column(default=0)
    lease: Mapped[str | None] = mapped_column(sa.String(32))
    lease_until: Mapped[datetime | None] = mapped_column()
    started_at: Mapped[Moment] = mapped_column(default=now)
    finished_at: Mapped[datetime | None] = mapped_column()


class Finding(Base):
    """A contact that could do with some care, and why."""

    __tablename__ = "finding"
    __table_args__ = (sa.Index("ix_finding_contact", "contact_id"),)

    account_id: Mapped[int] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    """typo, role, disposable, bounced, unconfirmed, silent, same_mailbox, same_phone, same_name."""
    contact_id: Mapped[int] = mapped_column(
        sa.ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True
    )
    other_id: Mapped[int] = mapped_column(BigId, primary_key=True, default=0)
    """The contact that it looks like; 0 where it is about one alone."""
    n: Mapped[int] = mapped_column(default=0)
    """For silent: the days since which there was no sign."""


#: Mailboxes and telephone numbers in the one form that makes two of them the same; only while
#: a look is under way.
likeness = sa.Table(
    "likeness",
    Base.metadata,
    sa.Column(
        "account_id", BigId, sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("value", plain(320), primary_key=True),
    sa.Column(
        "contact_id", BigId, sa.ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Index("ix_likeness_contact", "contact_id"),
    sqlite_with_rowid=False,
)
