"""What keeps the record of consents from being altered unseen, and what erasing leaves to do."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.contacts.models.columns import account_key
from app.core.clock import now
from app.core.db import Base, Id, Json, Moment


class ConsentSeal(Base):
    """A range of an Account's Consents under one hash, which holds the seal before as well."""

    __tablename__ = "consent_seal"
    __table_args__ = (sa.UniqueConstraint("account_id", "number"),)

    id: Mapped[Id]
    account_id: Mapped[int] = account_key()
    number: Mapped[int] = mapped_column()
    """1, 2, 3 … within the account."""
    first_id: Mapped[int] = mapped_column()
    last_id: Mapped[int] = mapped_column()
    entries: Mapped[int] = mapped_column()
    root: Mapped[str] = mapped_column(sa.String(64))
    """Of the Merkle tree over the entries in order of their ids (RFC 9162, 2.1), hex."""
    before: Mapped[str] = mapped_column(sa.String(64), default="")
    """`hash` of the seal before; empty for the first."""
    hash: Mapped[str] = mapped_column(sa.String(64))
    """contacts.canon.seal_hash of all of the above, hex."""
    at: Mapped[Moment] = mapped_column(default=now)
    marks: Mapped[bytes] = mapped_column(sa.LargeBinary, deferred=True)
    """The beginning of each entry's own hash: not proof, but finds which one was altered."""


class ConsentCheck(Base):
    """When an Account's chain of seals was last verified, and what came of it."""

    __tablename__ = "consent_check"

    account_id: Mapped[int] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True
    )
    asked_at: Mapped[datetime | None] = mapped_column()
    """Somebody waits for a new check."""
    at: Mapped[datetime | None] = mapped_column()
    entries: Mapped[int] = mapped_column(default=0)
    seals: Mapped[int] = mapped_column(default=0)
    head: Mapped[str] = mapped_column(sa.String(64), default="")
    problem: Mapped[str] = mapped_column(sa.Text, default="")
    """Empty when everything was as it was sealed."""


class Erasure(Base):
    """Somebody was erased; what is left to find beyond the rows that went at once."""

    __tablename__ = "erasure"
    __table_args__ = (
        sa.Index("ix_erasure_account", "account_id", "id"),
        sa.Index(
            "ix_erasure_open", "id",
            sqlite_where=sa.text("finished_at IS NULL"),
            postgresql_where=sa.text("finished_at IS NULL"),
        ),
    )  # fmt: skip

    id: Mapped[Id]
    account_id: Mapped[int] = account_key()
    by: Mapped[str] = mapped_column(sa.String(16))
    """person, owner, api."""
    spellings: Mapped[list[str]] = mapped_column(Json, default=list)
    """The address in lower case, as it may stand elsewhere; empty once that was looked through."""
    keeps_out: Mapped[bool] = mapped_column(default=False)
    """Whether a keyed hash keeps the person out of later imports."""
    at: Mapped[Moment] = mapped_column(default=now)
    finished_at: Mapped[datetime | None] = mapped_column()
