"""What was changed about people, by whom, and how to take it back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.contacts.models.columns import account_key
from app.core.clock import now
from app.core.db import Base, BigId, Id, Json, Moment, UtcDateTime


class BulkAction(Base):
    """One thing done to many contacts: counted first, done in the background, taken back."""

    __tablename__ = "bulk_action"
    __table_args__ = (
        sa.Index("ix_bulk_action_account", "account_id", "id"),
        sa.Index("ix_bulk_action_state", "state"),
    )

    id: Mapped[Id]
    account_id: Mapped[int] = account_key()
    member_id: Mapped[int | None] = mapped_column(BigId)
    verb: Mapped[str] = mapped_column(sa.String(16))
    """One of contacts.bulk_verbs.VERBS."""
    given: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """What the verb needs: tag, list, field and value, kind, wording."""
    selection: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """Whom: contacts.selecting.Selection as JSON."""
    state: Mapped[str] = mapped_column(sa.String(16), default="counting")
    """counting, ready (waits for a yes), doing, waiting (to be erased), erasing, done, undoing,
    undone, failed."""
    error: Mapped[str] = mapped_column(sa.Text, default="")
    matched: Mapped[int] = mapped_column(default=0)
    """People whom the selection means; counted before and again while it is done."""
    changed: Mapped[int] = mapped_column(default=0)
    """People who are, or would be, different afterwards."""
    left_out: Mapped[dict[str, int]] = mapped_column(Json, default=dict)
    """People who stay as they are, by reason; matched = changed + these."""
    undone: Mapped[int] = mapped_column(default=0)
    after_id: Mapped[int] = mapped_column(BigId, default=0)
    """How far this pass is: contacts up to here are dealt with."""
    until_id: Mapped[int] = mapped_column(BigId, default=0)
    """The account's last contact when it was asked for; who comes later is not meant."""
    walked: Mapped[int] = mapped_column(default=0)
    size: Mapped[int] = mapped_column(default=0)
    """How many contacts a pass looks at, for showing how far it is."""
    lease: Mapped[str | None] = mapped_column(sa.String(32))
    lease_until: Mapped[datetime | None] = mapped_column()
    created_at: Mapped[Moment] = mapped_column(default=now)
    began_at: Mapped[datetime | None] = mapped_column()
    """The moment that everything it did is stamped with."""
    due_at: Mapped[datetime | None] = mapped_column()
    """When people who wait to be erased are."""
    finished_at: Mapped[datetime | None] = mapped_column()


#: Whom a bulk action changed, and what was before where the verb alone does not say it.
bulk_change = sa.Table(
    "bulk_change",
    Base.metadata,
    sa.Column(
        "action_id", BigId, sa.ForeignKey("bulk_action.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column(
        "contact_id", BigId, sa.ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("was_state", sa.String(16)),
    sa.Column("was_since", UtcDateTime),
    sa.Column("was_ended", UtcDateTime),
    sa.Column("was_value", Json),
    # What happened to one person, newest first; also how the row goes with the person.
    sa.Index("ix_bulk_change_contact", "contact_id", "action_id"),
    sqlite_with_rowid=False,
)


class ContactChange(Base):
    """Something about a contact was changed by hand, by a program or by themselves. Append-only.

    What bulk actions change stands in `bulk_change`, and permission in Consent.
    """

    __tablename__ = "contact_change"
    __table_args__ = (
        sa.Index("ix_contact_change_contact", "contact_id", "id"),
        sa.Index("ix_contact_change_account", "account_id"),
    )

    id: Mapped[Id]
    account_id: Mapped[int] = account_key()
    contact_id: Mapped[int] = mapped_column(sa.ForeignKey("contact.id", ondelete="CASCADE"))
    at: Mapped[Moment] = mapped_column(default=now)
    what: Mapped[str] = mapped_column(sa.String(16))
    """added, changed, merged, parted, channel."""
    source: Mapped[str] = mapped_column(sa.String(16), default="")
    """hand, api, person; empty where nobody said."""
    member_id: Mapped[int | None] = mapped_column(BigId)
    details: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """What changed: name → [before, after]; tags → {added, removed}."""
