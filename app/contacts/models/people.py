"""People and organisations, and what the account keeps of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.contacts.models.columns import account_key, plain
from app.core.clock import now
from app.core.db import Base, BigId, Id, Json, Moment

if TYPE_CHECKING:
    from app.contacts.models.lists import Subscription


class Contact(Base):
    """One address of one person or organisation, unique per Account."""

    __tablename__ = "contact"
    __table_args__ = (
        sa.UniqueConstraint("account_id", "address"),
        sa.Index("ix_contact_account", "account_id", "id"),
        sa.Index("ix_contact_first", "account_id", "first_key", "last_key", "id"),
        sa.Index("ix_contact_last", "account_id", "last_key", "first_key", "id"),
        sa.Index("ix_contact_company", "account_id", "company_key", "id"),
        sa.Index(
            "ix_contact_external",
            "account_id",
            "external_id",
            "id",
            sqlite_where=sa.text("external_id != ''"),
            postgresql_where=sa.text("external_id != ''"),
        ),
    )

    id: Mapped[Id]
    account_id: Mapped[int] = account_key()
    email: Mapped[str] = mapped_column(sa.String(320))
    """As it was given, for display and for the envelope."""
    address: Mapped[str] = mapped_column(plain(320))
    """Normalised by mailer.address.normalise: what makes two addresses the same."""
    kind: Mapped[str] = mapped_column(sa.String(16), default="person")
    """person or organisation."""
    kind_by: Mapped[str] = mapped_column(sa.String(8), default="", server_default="")
    """Who said so: hand, api or file; empty where contacts.kinds worked it out."""
    first_name: Mapped[str] = mapped_column(sa.String(200), default="")
    last_name: Mapped[str] = mapped_column(sa.String(200), default="")
    company: Mapped[str] = mapped_column(sa.String(200), default="")
    external_id: Mapped[str] = mapped_column(plain(200), default="", server_default="")
    """What they are called in another system of the owner's; several may share one."""
    first_key: Mapped[str] = mapped_column(plain(64), default="")
    """The name's beginning as contacts.text.search_key folds it: what search as you type reads."""
    last_key: Mapped[str] = mapped_column(plain(64), default="")
    company_key: Mapped[str] = mapped_column(plain(64), default="")
    fields: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """Custom fields by ContactField.key; only keys that have a value."""
    notes: Mapped[str] = mapped_column(sa.Text, default="")
    tracking_off: Mapped[bool] = mapped_column(default=False)
    """The person asked not to be counted."""
    import_id: Mapped[int | None] = mapped_column(BigId)
    """The Import that created it."""
    is_sample: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[Moment] = mapped_column(default=now)
    updated_at: Mapped[Moment] = mapped_column(default=now)

    subscriptions: Mapped[list[Subscription]] = relationship(
        back_populates="contact", passive_deletes=True
    )
    tags: Mapped[list[Tag]] = relationship(secondary="contact_tag", passive_deletes=True)

    @property
    def full_name(self) -> str:
        """First and last name, or nothing."""
        return f"{self.first_name} {self.last_name}".strip()


class Headcount(Base):
    """Kept counter of an Account's contacts, so that no page counts a million rows."""

    __tablename__ = "headcount"

    account_id: Mapped[int] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True
    )
    people: Mapped[int] = mapped_column(default=0)
    """Contacts of both kinds."""


class ContactField(Base):
    """A custom field of an Account's contacts."""

    __tablename__ = "contact_field"
    __table_args__ = (sa.UniqueConstraint("account_id", "key"),)

    id: Mapped[Id]
    account_id: Mapped[int] = account_key()
    key: Mapped[str] = mapped_column(sa.String(64))
    """As in merge tags: contact.fields.KEY; lower case letters, digits, underscore."""
    label: Mapped[str] = mapped_column(sa.String(200))
    type: Mapped[str] = mapped_column(sa.String(16), default="text")
    """text, number, date, yes_no or json."""
    position: Mapped[int] = mapped_column(default=0)


class Tag(Base):
    """A word on contacts."""

    __tablename__ = "tag"
    __table_args__ = (sa.UniqueConstraint("account_id", "name"),)

    id: Mapped[Id]
    account_id: Mapped[int] = account_key()
    name: Mapped[str] = mapped_column(sa.String(100))
    people: Mapped[int] = mapped_column(default=0)
    """Kept counter."""


contact_tag = sa.Table(
    "contact_tag",
    Base.metadata,
    sa.Column(
        "contact_id", BigId, sa.ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("tag_id", BigId, sa.ForeignKey("tag.id", ondelete="CASCADE"), primary_key=True),
    sa.Index("ix_contact_tag_tag", "tag_id", "contact_id"),
)
