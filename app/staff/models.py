"""What the operator's people see of the installation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.chaining import Linked, indexes
from app.core.clock import now
from app.core.db import Base, BigId, Id, Json, Moment


class BackupRun(Base):
    """One backup: wanted, made, and what its rehearsal found."""

    __tablename__ = "backup_run"
    __table_args__ = (sa.Index("ix_backup_run_state", "state", "id"),)

    id: Mapped[Id]
    slot: Mapped[int | None] = mapped_column(BigId, unique=True)
    """Which turn of the schedule it is, so that two ticks make one; null where a person asked."""
    state: Mapped[str] = mapped_column(sa.String(8), default="wanted")
    """wanted, running, done, failed, dropped (another was made at that time)."""
    asked_by: Mapped[str] = mapped_column(sa.String(320), default="")
    wanted_at: Mapped[Moment] = mapped_column()
    due_at: Mapped[Moment] = mapped_column(default=now)
    """Not before; later than `wanted_at` once a try did not work."""
    tries: Mapped[int] = mapped_column(sa.SmallInteger, default=0)
    beat_at: Mapped[datetime | None] = mapped_column()
    """The last sign of life of who makes it."""
    ended_at: Mapped[datetime | None] = mapped_column()
    place: Mapped[str] = mapped_column(sa.Text, default="")
    name: Mapped[str] = mapped_column(sa.String(128), default="")
    size_bytes: Mapped[int] = mapped_column(BigId, default=0)
    is_gone: Mapped[bool] = mapped_column(default=False)
    """Removed from its place, as newer ones are there."""
    error: Mapped[str] = mapped_column(sa.Text, default="")
    rehearsal: Mapped[str] = mapped_column(sa.String(8), default="")
    """good, bad, skipped; empty before it."""
    rehearsed_at: Mapped[datetime | None] = mapped_column()
    findings: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """{tables, rows, seconds, words: [what was found]}."""


class StaffLook(Base):
    """One of the operator's people may look into an Account: for a purpose, for some minutes."""

    __tablename__ = "staff_look"
    __table_args__ = (
        sa.Index("ix_staff_look_account", "account_id", "ends_at"),
        sa.Index("ix_staff_look_member", "member_id", "account_id"),
        sa.Index(
            "ix_staff_look_open", "ends_at",
            sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )  # fmt: skip

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"))
    member_id: Mapped[int] = mapped_column(BigId)
    who: Mapped[str] = mapped_column(sa.String(320))
    """Name or address, as the customer reads it."""
    purpose: Mapped[str] = mapped_column(sa.String(16))
    """A key of staff.purposes.PURPOSES."""
    reference: Mapped[str] = mapped_column(sa.String(200))
    """A ticket's number, or why; never an address."""
    began_at: Mapped[Moment] = mapped_column(default=now)
    ends_at: Mapped[Moment] = mapped_column()
    ended_at: Mapped[datetime | None] = mapped_column()
    """By hand, or noticed by the tick after `ends_at`; null while it lasts."""


class StaffAccess(Linked, Base):
    """A line of an Account's access book: who of the staff saw or did what.

    Append-only, and chained (core.chaining).
    """

    __tablename__ = "staff_access"
    __table_args__ = (
        sa.Index("ix_staff_access_account", "account_id", "id"),
        sa.Index("ix_staff_access_look", "look_id", "kind"),
        *indexes("staff_access"),
    )

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"))
    at: Mapped[Moment] = mapped_column(default=now)
    look_id: Mapped[int | None] = mapped_column(BigId)
    member_id: Mapped[int | None] = mapped_column(BigId)
    """Of the staff, or of the account where its owner allowed something; null for the clock."""
    who: Mapped[str] = mapped_column(sa.String(320), default="")
    purpose: Mapped[str] = mapped_column(sa.String(16), default="")
    reference: Mapped[str] = mapped_column(sa.String(200), default="")
    verb: Mapped[str] = mapped_column(sa.String(16))
    """A key of staff.book.VERBS."""
    kind: Mapped[str] = mapped_column(sa.String(16), default="")
    """Of the object: a key of staff.purposes.KINDS."""
    object_id: Mapped[int | None] = mapped_column(BigId)


class ExportGrant(Base):
    """An owner allows one take-out of their account by the operator's people, until a time."""

    __tablename__ = "export_grant"
    __table_args__ = (sa.Index("ix_export_grant_account", "account_id", "id"),)

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"))
    member_id: Mapped[int | None] = mapped_column(BigId)
    """The owner who granted it."""
    who: Mapped[str] = mapped_column(sa.String(320), default="")
    reason: Mapped[str] = mapped_column(sa.String(200), default="")
    """What the owner wrote for whom and why; never an address."""
    at: Mapped[Moment] = mapped_column(default=now)
    until: Mapped[Moment] = mapped_column()
    ended_at: Mapped[datetime | None] = mapped_column()
    """Used or taken back."""
    takeout_id: Mapped[int | None] = mapped_column(BigId)
    """What it was used for."""
    used_by_id: Mapped[int | None] = mapped_column(BigId)
    """Who of the staff asked for it, and alone may fetch it."""
