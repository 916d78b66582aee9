"""Letters to the operator and what became of them."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import Account, Member
from app.core.clock import now
from app.core.db import Base, Id, Json, Moment

PURPOSES = ("support", "service", "billing", "abuse", "privacy")
STATES = ("open", "waiting", "closed")
#: Which staff see a ticket of a purpose.
SEEN_BY = {
    "support": frozenset({"support"}),
    "service": frozenset({"support", "service"}),
    "billing": frozenset({"support", "billing"}),
    "abuse": frozenset({"support", "service", "abuse"}),
    "privacy": frozenset({"support", "service"}),
}


class Ticket(Base):
    """A conversation with somebody who wrote to the operator."""

    __tablename__ = "ticket"
    __table_args__ = (
        sa.Index("ix_ticket_changed", "changed_at", "id"),
        sa.Index("ix_ticket_state", "state", "changed_at", "id"),
        sa.Index("ix_ticket_account", "account_id", "changed_at", "id"),
        sa.Index("ix_ticket_email", "email", "id"),
        sa.Index(
            "ix_ticket_leaving", "id",
            sqlite_where=sa.text("leaving = 'waiting'"),
            postgresql_where=sa.text("leaving = 'waiting'"),
        ),
    )  # fmt: skip

    id: Mapped[Id]
    reference: Mapped[str] = mapped_column(sa.String(8), unique=True)
    """Stands in subjects as [#K7F3QX2M]; cannot be guessed."""
    account_id: Mapped[int | None] = mapped_column(sa.ForeignKey("account.id", ondelete="SET NULL"))
    member_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("member.id", ondelete="SET NULL"), index=True
    )
    """Who asked, where they were signed in."""
    email: Mapped[str] = mapped_column(sa.String(320))
    """Where answers go; normalised."""
    name: Mapped[str] = mapped_column(sa.String(200), default="")
    subject: Mapped[str] = mapped_column(sa.String(300))
    purpose: Mapped[str] = mapped_column(sa.String(8), default="support")
    """One of PURPOSES."""
    state: Mapped[str] = mapped_column(sa.String(8), default="open")
    """open: it is the operator's turn; waiting: the asker's; closed."""
    assigned_to_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("member.id", ondelete="SET NULL"), index=True
    )
    policy_version: Mapped[int | None] = mapped_column()
    """Number of the policy version that the question is about."""
    origin: Mapped[str] = mapped_column(sa.String(8), default="form")
    """form, page (signed in) or mail."""
    leaving: Mapped[str] = mapped_column(sa.String(8), default="")
    """A wish to get no more mail: waiting for staff, done, nothing (there was none to end)."""
    quoted: Mapped[list[int]] = mapped_column(Json, default=list)
    """The mails of ours that the letter names, by Delivery."""
    words: Mapped[str] = mapped_column(sa.Text, default="")
    """What the search looks through, in small letters, cut."""
    messages: Mapped[int] = mapped_column(default=0)
    opened_at: Mapped[Moment] = mapped_column(default=now)
    changed_at: Mapped[Moment] = mapped_column(default=now)
    closed_at: Mapped[datetime | None] = mapped_column(index=True)

    account: Mapped[Account | None] = relationship()
    assigned_to: Mapped[Member | None] = relationship(foreign_keys=[assigned_to_id])


class TicketMessage(Base):
    """One letter, answer, note or event of a Ticket. Only ever added."""

    __tablename__ = "ticket_message"
    __table_args__ = (sa.Index("ix_ticket_message_ticket", "ticket_id", "id"),)

    id: Mapped[Id]
    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("ticket.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(sa.String(8))
    """heard (of the asker), said (the answer), note (for staff alone), event."""
    author_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("member.id", ondelete="SET NULL"), index=True
    )
    author: Mapped[str] = mapped_column(sa.String(320), default="")
    text: Mapped[str] = mapped_column(sa.Text)
    mail_id: Mapped[str] = mapped_column(sa.String(255), default="")
    """Message-ID of the mail that brought or takes it; empty where there was none."""
    left_out: Mapped[str] = mapped_column(sa.String(200), default="")
    """What of the mail was not kept, and why."""
    at: Mapped[Moment] = mapped_column(default=now)

    files: Mapped[list[TicketFile]] = relationship(
        order_by="TicketFile.id", cascade="all, delete-orphan", passive_deletes=True
    )


class TicketFile(Base):
    """A file that came with a letter; only ever handed out as a download."""

    __tablename__ = "ticket_file"

    id: Mapped[Id]
    message_id: Mapped[int] = mapped_column(
        sa.ForeignKey("ticket_message.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(sa.String(120))
    kind: Mapped[str] = mapped_column(sa.String(40))
    """What it is, by its first bytes, for people."""
    size: Mapped[int] = mapped_column()
    is_risky: Mapped[bool] = mapped_column(default=False)
    """A program or a document with one, or something else than its name says."""
    content: Mapped[bytes] = mapped_column(sa.LargeBinary, deferred=True)
