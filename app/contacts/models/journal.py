"""What an import changed, kept for a while so that it can be undone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.contacts.models.columns import account_key
from app.core.db import Base, BigId, Id, Json, Moment


class ImportJournal(Base):
    """What an Import made, and how far its undo is. Written in the transactions of its chunks."""

    __tablename__ = "import_journal"
    __table_args__ = (
        sa.Index("ix_import_journal_account", "account_id", "state"),
        sa.Index("ix_import_journal_state", "state"),
    )

    import_id: Mapped[int] = mapped_column(
        sa.ForeignKey("import.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    account_id: Mapped[int] = account_key()
    first_contact_id: Mapped[int | None] = mapped_column(BigId)
    """Between this id and `last_contact_id` lie all Contacts whose import_id it is."""
    last_contact_id: Mapped[int | None] = mapped_column(BigId)
    made: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """{tags, lists: ids and fields: keys that were not there, gave_tags: ids, gave_lists: ids}."""
    kept_until: Mapped[Moment]
    """Until then it can be undone; then the journal goes."""
    state: Mapped[str] = mapped_column(sa.String(8), default="kept")
    """kept, counting (what an undo would do), counted, undoing, undone."""
    member_id: Mapped[int | None] = mapped_column(BigId)
    """Who asked for the undo; null where a program did."""
    cursor: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """{step, after: the id behind which to go on}."""
    numbers: Mapped[dict[str, int]] = mapped_column(Json, default=dict)
    """People by what an undo does or did with them: contacts.undoing.NUMBERS."""
    lease_until: Mapped[datetime | None] = mapped_column()
    asked_at: Mapped[datetime | None] = mapped_column()
    finished_at: Mapped[datetime | None] = mapped_column()
    """When it was last counted or undone."""


class ImportChange(Base):
    """What one chunk of an Import changed about a Contact that was there before it.

    Goes with the Contact: nothing of an erased person stays behind in a journal.
    """

    __tablename__ = "import_change"
    __table_args__ = (
        sa.Index("ix_import_change_import", "import_id", "contact_id"),
        sa.Index("ix_import_change_contact", "contact_id"),
    )

    id: Mapped[Id]
    import_id: Mapped[int] = mapped_column(sa.ForeignKey("import.id", ondelete="CASCADE"))
    contact_id: Mapped[int] = mapped_column(sa.ForeignKey("contact.id", ondelete="CASCADE"))
    at: Mapped[Moment]
    """The Contact's updated_at, and the Subscription's since, if nobody touched them later."""
    delta: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """{values: {column or field:KEY: [before, after]}, tags: ids that came, joined: true,
    lists: ids that came}."""
