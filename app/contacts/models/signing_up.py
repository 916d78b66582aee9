"""Forms by which people sign up by themselves, and what keeps such forms from being misused."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.contacts.models.columns import account_key
from app.core.clock import now
from app.core.db import Base, Id, Json, Moment


class SignUpForm(Base):
    """A form of an Account; what visitors see of it is its newest FormVersion."""

    __tablename__ = "signup_form"
    __table_args__ = (sa.Index("ix_signup_form_account", "account_id", "id"),)

    id: Mapped[Id]
    account_id: Mapped[int] = account_key()
    name: Mapped[str] = mapped_column(sa.String(200))
    """Only the owner sees it."""
    slug: Mapped[str] = mapped_column(sa.String(80), unique=True)
    """Its public address: /f/SLUG."""
    version: Mapped[int] = mapped_column(default=1)
    """The number of the FormVersion that visitors see."""
    is_open: Mapped[bool] = mapped_column(default=False)
    archived_at: Mapped[datetime | None] = mapped_column()
    tells: Mapped[str] = mapped_column(sa.String(8), default="")
    """When owners hear of new people: each, daily, or never."""
    told_at: Mapped[datetime | None] = mapped_column()
    greets: Mapped[bool] = mapped_column(default=False)
    """Whether who comes by it gets a welcome mail (campaigns.greeting)."""
    shown: Mapped[int] = mapped_column(default=0)
    """Kept counters: page views, people who sent it in, people who got onto a list."""
    sent_in: Mapped[int] = mapped_column(default=0)
    confirmed: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[Moment] = mapped_column(default=now)
    updated_at: Mapped[Moment] = mapped_column(default=now)


class FormVersion(Base):
    """What a form looked like and said at a time; never changed, for Consent names it."""

    __tablename__ = "signup_form_version"

    form_id: Mapped[int] = mapped_column(
        sa.ForeignKey("signup_form.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = account_key()
    design: Mapped[dict[str, Any]] = mapped_column(Json)
    """As contacts.designing.Design.to_json gives it."""
    created_at: Mapped[Moment] = mapped_column(default=now)


class FormEntry(Base):
    """Somebody sent a form in; one row a person and form, however often they do."""

    __tablename__ = "signup_form_entry"
    __table_args__ = (
        sa.Index("ix_signup_form_entry_form", "form_id", "contact_id", unique=True),
        sa.Index("ix_signup_form_entry_contact", "contact_id"),
        sa.Index(
            "ix_signup_form_entry_news", "form_id", "id",
            sqlite_where=sa.text("is_news"), postgresql_where=sa.text("is_news"),
        ),
        sa.Index(
            "ix_signup_form_entry_greet", "id",
            sqlite_where=sa.text("is_to_greet"), postgresql_where=sa.text("is_to_greet"),
        ),
    )  # fmt: skip

    id: Mapped[Id]
    account_id: Mapped[int] = account_key()
    form_id: Mapped[int] = mapped_column(sa.ForeignKey("signup_form.id", ondelete="CASCADE"))
    contact_id: Mapped[int] = mapped_column(sa.ForeignKey("contact.id", ondelete="CASCADE"))
    version: Mapped[int] = mapped_column()
    language: Mapped[str] = mapped_column(sa.String(8), default="en")
    lists: Mapped[list[int]] = mapped_column(Json, default=list)
    """Those that were asked for last; they count as confirmed once the person is on one."""
    answers: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """What was typed about somebody who was known already, until they confirm that it was them."""
    created_at: Mapped[Moment] = mapped_column(default=now)
    confirmed_at: Mapped[datetime | None] = mapped_column()
    is_news: Mapped[bool] = mapped_column(default=False)
    """Owners are to be told of it."""
    is_to_greet: Mapped[bool] = mapped_column(default=False)
    """The welcome mail is due."""


class UsedStamp(Base):
    """A form's time stamp that was sent in; each is good once."""

    __tablename__ = "used_stamp"

    nonce: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    until: Mapped[Moment] = mapped_column(index=True)
    """When the stamp is too old anyway and the row can go."""


class ConfirmationMail(Base):
    """When an address was last asked to confirm, so that nobody is asked again and again."""

    __tablename__ = "confirmation_mail"
    __table_args__ = (sa.Index("ix_confirmation_mail_account", "account_id", "sent_at"),)

    account_id: Mapped[int] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True
    )
    address_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True, index=True)
    """Keyed, the same for every account: contacts.asking."""
    sent_at: Mapped[Moment] = mapped_column(default=now)
    reminded_at: Mapped[datetime | None] = mapped_column()
    """When the owner had everybody asked once more; once for each person."""


class AskingRound(Base):
    """The owner has those of a list asked once more who have not confirmed."""

    __tablename__ = "asking_round"
    __table_args__ = (sa.Index("ix_asking_round_list", "list_id", "id"),)

    id: Mapped[Id]
    account_id: Mapped[int] = account_key()
    list_id: Mapped[int] = mapped_column(sa.ForeignKey("list.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(sa.String(8), default="running", index=True)
    """running or finished."""
    cursor: Mapped[int] = mapped_column(default=0)
    """The last contact that was looked at."""
    asked: Mapped[int] = mapped_column(default=0)
    left_out: Mapped[int] = mapped_column(default=0)
    """Asked today or reminded before."""
    created_at: Mapped[Moment] = mapped_column(default=now)
