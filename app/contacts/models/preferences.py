"""What people choose for themselves, and what an account lets them choose."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.contacts.models.columns import account_key
from app.core.clock import now
from app.core.db import Base, Id, Json, Moment

#: How often at most, and in how many days one mail goes then.
FREQUENCIES = {"week": 7, "month": 30}


def _contact_as_key() -> Mapped[int]:
    return mapped_column(sa.ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True)


class Pause(Base):
    """A person wants no mail for a while. Over once `until` has passed, without anybody's doing.

    A small table beside Contact: sending asks it only where the account has anybody in it.
    """

    __tablename__ = "contact_pause"
    __table_args__ = (sa.Index("ix_contact_pause_account", "account_id", "until"),)

    contact_id: Mapped[int] = _contact_as_key()
    account_id: Mapped[int] = account_key()
    since: Mapped[Moment] = mapped_column(default=now)
    until: Mapped[Moment] = mapped_column()


class Frequency(Base):
    """A person wants a mail of the account now and then only."""

    __tablename__ = "contact_frequency"
    __table_args__ = (sa.Index("ix_contact_frequency_account", "account_id", "contact_id"),)

    contact_id: Mapped[int] = _contact_as_key()
    account_id: Mapped[int] = account_key()
    per: Mapped[str] = mapped_column(sa.String(8))
    """A key of FREQUENCIES."""
    since: Mapped[Moment] = mapped_column(default=now)


class PreferenceCentre(Base):
    """What an account lets people choose; without a row, the defaults here hold."""

    __tablename__ = "preference_centre"

    account_id: Mapped[int] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True
    )
    words: Mapped[str] = mapped_column(sa.Text, default="")
    """The owner's own, at the beginning of the page."""
    pauses: Mapped[list[int]] = mapped_column(Json, default=lambda: [30, 60, 90])
    """In days."""
    with_names: Mapped[bool] = mapped_column(default=True)
    """People may correct name, company and kind."""
    with_address: Mapped[bool] = mapped_column(default=True)
    """People may change their address."""
    with_frequency: Mapped[bool] = mapped_column(default=True)
    with_reasons: Mapped[bool] = mapped_column(default=True)
    """Whoever has left is asked why, once, and need not answer."""
    goodbye: Mapped[str] = mapped_column(sa.Text, default="", server_default="")
    """The last mail to whoever has left on a page; empty: none."""
    privacy_contact: Mapped[str] = mapped_column(sa.Text, default="", server_default="")
    """Who answers questions about privacy, for the account's privacy page."""
    privacy_words: Mapped[str] = mapped_column(sa.Text, default="", server_default="")
    """The owner's own passages there, a line each."""


class PublicList(Base):
    """People may join and leave this list by themselves."""

    __tablename__ = "public_list"
    __table_args__ = (sa.Index("ix_public_list_account", "account_id"),)

    list_id: Mapped[int] = mapped_column(
        sa.ForeignKey("list.id", ondelete="CASCADE"), primary_key=True
    )
    account_id: Mapped[int] = account_key()
    name: Mapped[str] = mapped_column(sa.String(200), default="")
    """As people see it; empty: the list's own."""
    description: Mapped[str] = mapped_column(sa.Text, default="")


class OpenField(Base):
    """A custom field that people may fill in by themselves."""

    __tablename__ = "open_field"
    __table_args__ = (sa.Index("ix_open_field_account", "account_id"),)

    field_id: Mapped[int] = mapped_column(
        sa.ForeignKey("contact_field.id", ondelete="CASCADE"), primary_key=True
    )
    account_id: Mapped[int] = account_key()


class LeavingReason(Base):
    """Why somebody left, where they said so afterwards; the last word of each person counts.

    Goes with the person: what they wrote may name them.
    """

    __tablename__ = "leaving_reason"
    __table_args__ = (
        sa.Index("ix_leaving_reason_contact", "contact_id"),
        sa.Index("ix_leaving_reason_campaign", "campaign_id", "reason"),
        sa.Index("ix_leaving_reason_account", "account_id", "at"),
    )

    id: Mapped[Id]
    account_id: Mapped[int] = account_key()
    campaign_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("campaign.id", ondelete="SET NULL")
    )
    """By whose mail they left; null where they came without one."""
    contact_id: Mapped[int] = mapped_column(sa.ForeignKey("contact.id", ondelete="CASCADE"))
    reason: Mapped[str] = mapped_column(sa.String(16))
    """often, unexpected, unasked, useless or other."""
    words: Mapped[str] = mapped_column(sa.Text, default="")
    at: Mapped[Moment] = mapped_column(default=now)


class LinkRequest(Base):
    """Somebody typed an address in to get a link to their preferences.

    Written for every address alike, known or not, so that neither the answer nor its time tells
    which ones are known. Removed after a day.
    """

    __tablename__ = "link_request"
    __table_args__ = (
        sa.UniqueConstraint("account_id", "address_hash"),
        sa.Index(
            "ix_link_request_waiting", "id",
            sqlite_where=sa.text("address IS NOT NULL"),
            postgresql_where=sa.text("address IS NOT NULL"),
        ),
        sa.Index("ix_link_request_since", "since"),
    )  # fmt: skip

    id: Mapped[Id]
    account_id: Mapped[int] = account_key()
    address_hash: Mapped[str] = mapped_column(sa.String(64))
    """contacts.suppressions.address_hash."""
    address: Mapped[str | None] = mapped_column(sa.String(320))
    """Normalised; null as soon as the mail is in line, or the address found to be unknown."""
    language: Mapped[str] = mapped_column(sa.String(8), default="en")
    n: Mapped[int] = mapped_column(sa.SmallInteger, default=1)
    """How often since `since`."""
    since: Mapped[Moment] = mapped_column(default=now)


class AddressChange(Base):
    """A person wants mail at another address, which has to confirm that."""

    __tablename__ = "address_change"

    contact_id: Mapped[int] = _contact_as_key()
    account_id: Mapped[int] = account_key()
    email: Mapped[str] = mapped_column(sa.String(320), default="")
    """The new one as typed; empty once it is done."""
    number: Mapped[int] = mapped_column(default=0)
    """In the link, so that only the last one works."""
    language: Mapped[str] = mapped_column(sa.String(8), default="en")
    n: Mapped[int] = mapped_column(sa.SmallInteger, default=1)
    """How often since `since`."""
    since: Mapped[Moment] = mapped_column(default=now)
    until: Mapped[datetime | None] = mapped_column()
