"""What keeps the trust of readers, customers and the operator in each other, as rows."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base, BigId, Id, Moment


class KeepingChoice(Base):
    """How long the operator wants a kind of data kept, and how far forgetting it has come."""

    __tablename__ = "keeping_choice"

    key: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    days: Mapped[int | None] = mapped_column()
    """Null: the number of the table of rules."""
    due_at: Mapped[Moment] = mapped_column(default=now)
    """When to look next; while somebody looks, the end of their lease."""
    ran_at: Mapped[datetime | None] = mapped_column()
    place: Mapped[int] = mapped_column(BigId, default=0)
    """How far a rule that walks a large table has come: an id."""


class KeepingDay(Base):
    """How much of a kind of data was forgotten on a day (UTC)."""

    __tablename__ = "keeping_day"
    __table_args__ = (sa.UniqueConstraint("key", "day"), sa.Index("ix_keeping_day_day", "day"))

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(sa.String(32))
    day: Mapped[date] = mapped_column(sa.Date)
    n: Mapped[int] = mapped_column(default=0)


class Suspension(Base):
    """The operator took an Account's sending, or its people's access, with a reason."""

    __tablename__ = "suspension"
    __table_args__ = (sa.Index("ix_suspension_account", "account_id", "id"),)

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(sa.String(8))
    """sending or access, as in Account.barred."""
    reason: Mapped[str] = mapped_column(sa.Text)
    """As the owner reads it."""
    at: Mapped[Moment] = mapped_column(default=now)
    by_id: Mapped[int | None] = mapped_column(BigId)
    ended_at: Mapped[datetime | None] = mapped_column()
    ended_by_id: Mapped[int | None] = mapped_column(BigId)
    end_words: Mapped[str] = mapped_column(sa.Text, default="")


class Appeal(Base):
    """The owner's answer to a suspension or to an import that is held, and what came of it."""

    __tablename__ = "appeal"
    __table_args__ = (
        sa.Index("ix_appeal_account", "account_id", "id"),
        sa.Index("ix_appeal_open", "answered_at", "id"),
    )

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"))
    suspension_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("suspension.id", ondelete="CASCADE")
    )
    import_id: Mapped[int | None] = mapped_column(sa.ForeignKey("import.id", ondelete="CASCADE"))
    """Exactly one of both."""
    text: Mapped[str] = mapped_column(sa.Text)
    member_id: Mapped[int | None] = mapped_column(BigId)
    at: Mapped[Moment] = mapped_column(default=now)
    answer: Mapped[str] = mapped_column(sa.Text, default="")
    answered_at: Mapped[datetime | None] = mapped_column()
    answered_by_id: Mapped[int | None] = mapped_column(BigId)


class AbuseReport(Base):
    """Somebody says that mail sent from here is abuse."""

    __tablename__ = "abuse_report"
    __table_args__ = (
        sa.Index("ix_abuse_report_open", "answered_at", "id"),
        sa.Index("ix_abuse_report_account", "account_id", "id"),
    )

    id: Mapped[Id]
    reference: Mapped[str] = mapped_column(sa.String(16), unique=True)
    """What the reporter can name: A-7F3K-29QX."""
    account_id: Mapped[int | None] = mapped_column(sa.ForeignKey("account.id", ondelete="SET NULL"))
    """Whose mail it is about; null where that cannot be told, or the account is gone."""
    campaign_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("campaign.id", ondelete="SET NULL")
    )
    kind: Mapped[str] = mapped_column(sa.String(16))
    """spam, phishing, fraud, illegal or other."""
    text: Mapped[str] = mapped_column(sa.Text)
    url: Mapped[str] = mapped_column(sa.Text, default="")
    """The link or page that it is about, where somebody gave one."""
    email: Mapped[str] = mapped_column(sa.String(320), default="")
    """Where the answer goes; empty where none is wanted."""
    at: Mapped[Moment] = mapped_column(default=now)
    outcome: Mapped[str] = mapped_column(sa.String(16), default="")
    """acted, nothing or elsewhere; empty while it is open."""
    answer: Mapped[str] = mapped_column(sa.Text, default="")
    """As the reporter read it."""
    answered_at: Mapped[datetime | None] = mapped_column()
    answered_by_id: Mapped[int | None] = mapped_column(BigId)


class Closing(Base):
    """An owner closes the Account: it can be undone until `due_at`, then everything is erased."""

    __tablename__ = "closing"
    __table_args__ = (sa.Index("ix_closing_due", "due_at"),)

    account_id: Mapped[int] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True
    )
    asked_by_id: Mapped[int | None] = mapped_column(BigId)
    asked_at: Mapped[Moment] = mapped_column(default=now)
    due_at: Mapped[Moment] = mapped_column()
    was_barred: Mapped[str] = mapped_column(sa.String(8), default="")
    reminded_at: Mapped[datetime | None] = mapped_column()


class ClosedAccount(Base):
    """That an account was closed and erased. No name, no address: a number and two dates."""

    __tablename__ = "closed_account"

    account_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    opened_at: Mapped[Moment] = mapped_column()
    closed_at: Mapped[Moment] = mapped_column(default=now)
    customer_ref: Mapped[str] = mapped_column(sa.String(200), default="")
    """Under which the payment provider keeps the invoices that the law wants kept."""


class KeptOut(Base):
    """Of a closed account: the keyed hash of an address that it must not mail."""

    __tablename__ = "kept_out"
    __table_args__ = (sa.Index("ix_kept_out_account", "account_id", "address_hash"),)

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(BigId)
    """Of an account that is gone."""
    address_hash: Mapped[str] = mapped_column(sa.String(64))


class PersonRequest(Base):
    """Somebody asked the operator for their data, to be erased, or for no more mail, everywhere."""

    __tablename__ = "person_request"
    __table_args__ = (
        sa.Index("ix_person_request_state", "state", "due_at", "id"),
        sa.Index("ix_person_request_hash", "address_hash"),
        sa.Index("ix_person_request_ticket", "ticket_id"),
    )

    id: Mapped[Id]
    reference: Mapped[str] = mapped_column(sa.String(16), unique=True)
    """What everybody names: P-7F3K29QX."""
    kind: Mapped[str] = mapped_column(sa.String(8))
    """download, erase or stop."""
    state: Mapped[str] = mapped_column(sa.String(10), default="open")
    """open, asked (a link was mailed), confirmed, done; declined (not them), closed (by staff)."""
    address: Mapped[str | None] = mapped_column(sa.String(320))
    """Normalised; null once it is over."""
    address_hash: Mapped[str] = mapped_column(sa.String(64))
    """Keyed (staff.asked.keyed): tells who asks again."""
    words: Mapped[str] = mapped_column(sa.String(200), default="")
    """The letter, or how it came; never an address."""
    ticket_id: Mapped[int | None] = mapped_column(sa.ForeignKey("ticket.id", ondelete="SET NULL"))
    by_id: Mapped[int | None] = mapped_column(BigId)
    """Of the staff, who entered it."""
    who: Mapped[str] = mapped_column(sa.String(320), default="")
    purpose: Mapped[str] = mapped_column(sa.String(16), default="")
    asked_at: Mapped[Moment] = mapped_column(default=now)
    """When the person asked."""
    due_at: Mapped[Moment] = mapped_column()
    mails: Mapped[int] = mapped_column(sa.SmallInteger, default=0)
    """Links that were mailed; the last one works."""
    mailed_at: Mapped[datetime | None] = mapped_column()
    confirmed_at: Mapped[datetime | None] = mapped_column()
    finished_at: Mapped[datetime | None] = mapped_column()
    end_words: Mapped[str] = mapped_column(sa.String(200), default="")
    """Why it was closed without an answer."""


class PersonRequestPlace(Base):
    """An Account that knows the person of a PersonRequest, and what was done there."""

    __tablename__ = "person_request_place"
    __table_args__ = (
        sa.UniqueConstraint("request_id", "account_id"),
        sa.Index("ix_person_request_place_account", "account_id"),
    )

    id: Mapped[Id]
    request_id: Mapped[int] = mapped_column(sa.ForeignKey("person_request.id", ondelete="CASCADE"))
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(sa.String(8), default="open")
    """open, done, left (the person left it out)."""
    done_at: Mapped[datetime | None] = mapped_column()
