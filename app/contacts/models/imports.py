"""Files that people came in by."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.contacts.models.columns import account_key
from app.core.clock import now
from app.core.db import Base, BigId, Id, Json, Moment


class Import(Base):
    """One uploaded file: mapping, cursor, counts, problems per row."""

    __tablename__ = "import"
    __table_args__ = (
        sa.Index("ix_import_account", "account_id", "id"),
        sa.Index("ix_import_state", "state"),
    )

    id: Mapped[Id]
    account_id: Mapped[int] = account_key()
    list_id: Mapped[int | None] = mapped_column(sa.ForeignKey("list.id", ondelete="SET NULL"))
    member_id: Mapped[int | None] = mapped_column(BigId)
    filename: Mapped[str] = mapped_column(sa.String(255))
    stored_as: Mapped[str] = mapped_column(sa.String(64))
    """Name under uploads/ in the data folder; random."""
    size_bytes: Mapped[int] = mapped_column(BigId, default=0)
    dialect: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """{encoding, delimiter, header: bool, start, before, columns}, and for other formats than
    text {kind, tables, left_out}; empty while a large one waits to be turned into CSV."""
    mapping: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """{columns, repair: bool}; while it is being read, {asked: column → target}."""
    choices: Mapped[dict[str, Any]] = mapped_column(Json, default=dict, server_default="{}")
    """What the form said before the start: {list, new_list, mode, basis}; remembered: the import
    whose columns were taken over; go: to be started as soon as it is read."""
    checked: Mapped[dict[str, Any]] = mapped_column(Json, default=dict, server_default="{}")
    """The dry run: {rows, created, known, suppressed, rejected, marks, lists: names of
    those that would be made, offset, number, at}."""
    marks: Mapped[dict[str, Any]] = mapped_column(Json, default=dict, server_default="{}")
    """contacts.marks.Marks of what was taken in."""
    mode: Mapped[str] = mapped_column(sa.String(8), default="update")
    """add or update."""
    basis: Mapped[str] = mapped_column(sa.Text, default="")
    """Where these people come from, in the owner's words."""
    state: Mapped[str] = mapped_column(sa.String(16), default="draft")
    """reading (being turned into CSV), draft (mapping not confirmed yet), checking, checked (a dry
    run), queued, held (contacts.vetting), running, finished, failed."""
    error: Mapped[str] = mapped_column(sa.Text, default="")
    done_bytes: Mapped[int] = mapped_column(BigId, default=0)
    cursor: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    rows: Mapped[int] = mapped_column(default=0)
    created: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    suppressed: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None] = mapped_column()
    created_at: Mapped[Moment] = mapped_column(default=now)
    finished_at: Mapped[datetime | None] = mapped_column()


class ImportProblem(Base):
    """A row of a file that was not taken, and why."""

    __tablename__ = "import_problem"
    __table_args__ = (sa.Index("ix_import_problem_import", "import_id", "id"),)

    id: Mapped[Id]
    import_id: Mapped[int] = mapped_column(sa.ForeignKey("import.id", ondelete="CASCADE"))
    row_number: Mapped[int] = mapped_column()
    row: Mapped[str] = mapped_column(sa.Text)
    reason: Mapped[str] = mapped_column(sa.Text)
