"""People, the lists they are on, and what they agreed to or refused."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.clock import now
from app.core.db import Base, BigId, Id, Json, Moment


def _plain(length: int) -> sa.types.TypeEngine[str]:
    """Compared byte by byte on both databases, so that "begins with" is a range of an index."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _account_key() -> Mapped[int]:
    return mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"))


class Contact(Base):
    """One address of one person or organisation, unique per Account."""

    __tablename__ = "contact"
    __table_args__ = (
        sa.UniqueConstraint("account_id", "address"),
        sa.Index("ix_contact_account", "account_id", "id"),
        sa.Index("ix_contact_first", "account_id", "first_key", "last_key", "id"),
        sa.Index("ix_contact_last", "account_id", "last_key", "first_key", "id"),
        sa.Index("ix_contact_company", "account_id", "company_key", "id"),
    )

    id: Mapped[Id]
    account_id: Mapped[int] = _account_key()
    email: Mapped[str] = mapped_column(sa.String(320))
    """As it was given, for display and for the envelope."""
    address: Mapped[str] = mapped_column(_plain(320))
    """Normalised by mailer.address.normalise: what makes two addresses the same."""
    kind: Mapped[str] = mapped_column(sa.String(16), default="person")
    """person or organisation."""
    first_name: Mapped[str] = mapped_column(sa.String(200), default="")
    last_name: Mapped[str] = mapped_column(sa.String(200), default="")
    company: Mapped[str] = mapped_column(sa.String(200), default="")
    first_key: Mapped[str] = mapped_column(_plain(64), default="")
    """The name's beginning as contacts.text.search_key folds it: what search as you type reads."""
    last_key: Mapped[str] = mapped_column(_plain(64), default="")
    company_key: Mapped[str] = mapped_column(_plain(64), default="")
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


class ContactList(Base):
    """A named set one can subscribe to (glossary: List)."""

    __tablename__ = "list"
    __table_args__ = (sa.UniqueConstraint("account_id", "name"),)

    id: Mapped[Id]
    account_id: Mapped[int] = _account_key()
    name: Mapped[str] = mapped_column(sa.String(200))
    description: Mapped[str] = mapped_column(sa.Text, default="")
    opt_in: Mapped[str] = mapped_column(sa.String(8), default="single")
    """single or double."""
    archived_at: Mapped[datetime | None] = mapped_column()
    active: Mapped[int] = mapped_column(default=0)
    """Kept counter: subscriptions that are active."""
    pending: Mapped[int] = mapped_column(default=0)
    is_sample: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[Moment] = mapped_column(default=now)


class Subscription(Base):
    """A Contact on a List."""

    __tablename__ = "subscription"
    __table_args__ = (
        sa.Index("ix_subscription_list", "list_id", "state", "contact_id"),
        sa.Index("ix_subscription_account", "account_id"),
    )

    contact_id: Mapped[int] = mapped_column(
        sa.ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True
    )
    list_id: Mapped[int] = mapped_column(
        sa.ForeignKey("list.id", ondelete="CASCADE"), primary_key=True
    )
    account_id: Mapped[int] = _account_key()
    state: Mapped[str] = mapped_column(sa.String(8), default="active")
    """pending (double opt-in), active, ended."""
    since: Mapped[Moment] = mapped_column(default=now)
    ended_at: Mapped[datetime | None] = mapped_column()

    contact: Mapped[Contact] = relationship(back_populates="subscriptions")
    list: Mapped[ContactList] = relationship()


class Tag(Base):
    """A word on contacts."""

    __tablename__ = "tag"
    __table_args__ = (sa.UniqueConstraint("account_id", "name"),)

    id: Mapped[Id]
    account_id: Mapped[int] = _account_key()
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


class ContactField(Base):
    """A custom field of an Account's contacts."""

    __tablename__ = "contact_field"
    __table_args__ = (sa.UniqueConstraint("account_id", "key"),)

    id: Mapped[Id]
    account_id: Mapped[int] = _account_key()
    key: Mapped[str] = mapped_column(sa.String(64))
    """As in merge tags: contact.fields.KEY; lower case letters, digits, underscore."""
    label: Mapped[str] = mapped_column(sa.String(200))
    type: Mapped[str] = mapped_column(sa.String(16), default="text")
    """text, number, date or yes_no."""
    position: Mapped[int] = mapped_column(default=0)


class Segment(Base):
    """A saved rule over contacts; stores no members."""

    __tablename__ = "segment"
    __table_args__ = (sa.UniqueConstraint("account_id", "name"),)

    id: Mapped[Id]
    account_id: Mapped[int] = _account_key()
    name: Mapped[str] = mapped_column(sa.String(200))
    rule: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[Moment] = mapped_column(default=now)


class Consent(Base):
    """Evidence: who, when, how, wording, policy version. Append-only."""

    __tablename__ = "consent"
    __table_args__ = (
        sa.Index("ix_consent_contact", "contact_id", "id"),
        sa.Index("ix_consent_account", "account_id", "id"),
    )

    id: Mapped[Id]
    account_id: Mapped[int] = _account_key()
    contact_id: Mapped[int | None] = mapped_column(sa.ForeignKey("contact.id", ondelete="SET NULL"))
    list_id: Mapped[int | None] = mapped_column(sa.ForeignKey("list.id", ondelete="SET NULL"))
    kind: Mapped[str] = mapped_column(sa.String(16))
    """stated (the owner says so), asked, confirmed, withdrawn, restored."""
    source: Mapped[str] = mapped_column(sa.String(64))
    """form, api, hand, import, link, one_click, mail, provider, undo."""
    wording: Mapped[str] = mapped_column(sa.Text, default="")
    evidence: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """Shortened network, campaign, import, member: what there is."""
    policy_version_id: Mapped[int | None] = mapped_column(BigId)
    at: Mapped[Moment] = mapped_column(default=now)


class Suppression(Base):
    """An address this Account must not mail, and why."""

    __tablename__ = "suppression"
    __table_args__ = (
        sa.UniqueConstraint("account_id", "address_hash"),
        sa.Index("ix_suppression_address", "account_id", "address"),
        sa.Index("ix_suppression_account", "account_id", "id"),
    )

    id: Mapped[Id]
    account_id: Mapped[int] = _account_key()
    address: Mapped[str | None] = mapped_column(_plain(320))
    """Normalised; null once the person was erased: only the hash keeps them out."""
    address_hash: Mapped[str] = mapped_column(sa.String(64))
    """contacts.suppressions.address_hash: keyed, hex."""
    reason: Mapped[str] = mapped_column(sa.String(16))
    """unsubscribed, complaint, bounced, erased, account (the owner added it), import."""
    detail: Mapped[str] = mapped_column(sa.Text, default="")
    created_at: Mapped[Moment] = mapped_column(default=now)

    @property
    def by_person(self) -> bool:
        """Whether only the person may lift it."""
        return self.reason in ("unsubscribed", "complaint", "erased")


class Import(Base):
    """One uploaded file: mapping, cursor, counts, problems per row."""

    __tablename__ = "import"
    __table_args__ = (
        sa.Index("ix_import_account", "account_id", "id"),
        sa.Index("ix_import_state", "state"),
    )

    id: Mapped[Id]
    account_id: Mapped[int] = _account_key()
    list_id: Mapped[int | None] = mapped_column(sa.ForeignKey("list.id", ondelete="SET NULL"))
    member_id: Mapped[int | None] = mapped_column(BigId)
    filename: Mapped[str] = mapped_column(sa.String(255))
    stored_as: Mapped[str] = mapped_column(sa.String(64))
    """Name under uploads/ in the data folder; random."""
    size_bytes: Mapped[int] = mapped_column(BigId, default=0)
    dialect: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """{encoding, delimiter, header: bool}."""
    mapping: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    mode: Mapped[str] = mapped_column(sa.String(8), default="update")
    """add or update."""
    basis: Mapped[str] = mapped_column(sa.Text, default="")
    """Where these people come from, in the owner's words."""
    state: Mapped[str] = mapped_column(sa.String(16), default="draft")
    """draft (mapping not confirmed yet), queued, running, finished, failed."""
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
