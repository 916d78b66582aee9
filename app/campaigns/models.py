"""A message and its plan."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import Account
from app.core.clock import now
from app.core.db import Base, BigId, Id, Moment, db

STATES = ("draft", "scheduled", "held", "sending", "paused", "sent", "cancelled")

#: From each state, where it may go; anything else is refused.
MOVES = {
    "draft": ("scheduled", "held", "sending"),
    "scheduled": ("sending", "draft", "cancelled"),
    "held": ("sending", "draft", "cancelled"),
    "sending": ("paused", "cancelled", "sent"),
    "paused": ("sending", "cancelled"),
    "sent": ("sending",),
    "cancelled": (),
}


class Campaign(Base):
    """A message and its plan. The content is fixed once it is no draft any more."""

    __tablename__ = "campaign"
    __table_args__ = (
        sa.Index("ix_campaign_account", "account_id", "id"),
        sa.Index("ix_campaign_due", "state", "due_at"),
        # Of two who would get the rest at the same time, somebody would get it twice.
        sa.Index("ix_campaign_follows", "follows_id", unique=True),
    )

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(sa.String(200))
    kind: Mapped[str] = mapped_column(sa.String(12), default="campaign", server_default="campaign")
    """campaign; welcome: goes to each person of its own who comes by a form, and is never over."""
    state: Mapped[str] = mapped_column(sa.String(16), default="draft")
    version: Mapped[int] = mapped_column(default=1)
    """Grows with each revision of a draft; guards against lost updates."""
    subject: Mapped[str] = mapped_column(sa.Text, default="")
    preheader: Mapped[str] = mapped_column(sa.Text, default="")
    from_name: Mapped[str] = mapped_column(sa.String(200), default="")
    from_email: Mapped[str] = mapped_column(sa.String(320), default="")
    reply_to: Mapped[str] = mapped_column(sa.String(320), default="")
    format: Mapped[str] = mapped_column(sa.String(16), default="markdown")
    """markdown, html or mjml."""
    body: Mapped[str] = mapped_column(sa.Text, default="")
    text_body: Mapped[str] = mapped_column(sa.Text, default="")
    """The owner's own plain-text part; empty: made from the body."""
    tracking: Mapped[str] = mapped_column(sa.String(16), default="individual")
    """none, aggregate or individual."""
    at_most: Mapped[int | None] = mapped_column()
    """Only so many get it, who came first (by Contact.id); null: everybody of the audience."""
    follows_id: Mapped[int | None] = mapped_column(BigId)
    """The campaign whose rest this is: who got that one, or what it follows, gets nothing."""
    created_by_id: Mapped[int | None] = mapped_column(BigId)
    written_by_id: Mapped[int | None] = mapped_column(BigId)
    """Who revised it last; null where it was a program."""
    is_sample: Mapped[bool] = mapped_column(default=False)
    is_archive: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    """Sent elsewhere and taken in with its numbers; nothing of it is ever mailed from here."""
    created_at: Mapped[Moment] = mapped_column(default=now)
    updated_at: Mapped[Moment] = mapped_column(default=now)
    due_at: Mapped[datetime | None] = mapped_column()
    """When a scheduled or held campaign starts."""
    started_at: Mapped[datetime | None] = mapped_column()
    planned_at: Mapped[datetime | None] = mapped_column()
    """When its Deliveries were all written; sending begins after that."""
    finished_at: Mapped[datetime | None] = mapped_column()
    pause_reason: Mapped[str] = mapped_column(sa.Text, default="")

    account: Mapped[Account] = relationship()
    audience: Mapped[list[CampaignAudience]] = relationship(
        cascade="all, delete-orphan", order_by="CampaignAudience.id"
    )

    def move(self, *origins: str, to: str, as_read: bool = False, **values: Any) -> bool:
        """Change state by one conditional UPDATE; False when it was in none of `origins`.

        `as_read`: and when it was revised since it was read.
        """
        for origin in origins:
            if to not in MOVES[origin]:
                raise ValueError(f"A campaign never goes from {origin} to {to}.")
        moved = db.session.execute(
            sa.update(Campaign)
            .where(
                Campaign.id == self.id,
                Campaign.state.in_(origins),
                Campaign.version == self.version if as_read else sa.true(),
            )
            .values(state=to, updated_at=now(), **values)
            .returning(Campaign.id)
            .execution_options(synchronize_session=False)
        ).first()
        db.session.expire(self)
        return moved is not None


class CampaignAudience(Base):
    """One List or Segment that a Campaign aims at, or leaves out."""

    __tablename__ = "campaign_audience"

    id: Mapped[Id]
    campaign_id: Mapped[int] = mapped_column(
        sa.ForeignKey("campaign.id", ondelete="CASCADE"), index=True
    )
    list_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("list.id", ondelete="CASCADE"), index=True
    )
    segment_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("segment.id", ondelete="CASCADE"), index=True
    )
    excluded: Mapped[bool] = mapped_column(default=False)


class CampaignApproval(Base):
    """What was asked and said about sending a Campaign, each about the version of that time."""

    __tablename__ = "campaign_approval"

    campaign_id: Mapped[int] = mapped_column(
        sa.ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True
    )
    account_id: Mapped[int] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), index=True
    )
    asked_version: Mapped[int | None] = mapped_column()
    asked_by_id: Mapped[int | None] = mapped_column(BigId)
    asked_at: Mapped[datetime | None] = mapped_column()
    request: Mapped[str] = mapped_column(sa.Text, default="")
    """What whoever asked wants to be looked at."""
    said: Mapped[str] = mapped_column(sa.String(8), default="")
    """yes, no, or empty: nothing yet."""
    said_version: Mapped[int | None] = mapped_column()
    said_by_id: Mapped[int | None] = mapped_column(BigId)
    said_at: Mapped[datetime | None] = mapped_column()
    reason: Mapped[str] = mapped_column(sa.Text, default="")
    """Why it was sent back."""


class Restoration(Base):
    """A backup that was brought back. What was asked for since may be missing, so that nothing is
    sent until somebody answers for it."""

    __tablename__ = "restoration"

    id: Mapped[Id]
    made_at: Mapped[datetime] = mapped_column()
    """When the backup was made."""
    restored_at: Mapped[Moment] = mapped_column(default=now)
    confirmed_at: Mapped[datetime | None] = mapped_column()
    confirmed_by: Mapped[str] = mapped_column(sa.String(320), default="")


class Greeting(Base):
    """The welcome mail of a sign-up form. Each change of its text is a Campaign of its own."""

    __tablename__ = "greeting"

    form_id: Mapped[int] = mapped_column(
        sa.ForeignKey("signup_form.id", ondelete="CASCADE"), primary_key=True
    )
    account_id: Mapped[int] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), index=True
    )
    campaign_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("campaign.id", ondelete="SET NULL"), index=True
    )
    """The one that goes out now; null while there is none."""
    is_on: Mapped[bool] = mapped_column(default=False)
    from_email: Mapped[str] = mapped_column(sa.String(320), default="")
    subject: Mapped[str] = mapped_column(sa.Text, default="")
    body: Mapped[str] = mapped_column(sa.Text, default="")
    """Markdown with merge tags."""
    written_by_id: Mapped[int | None] = mapped_column(BigId)
    """Who wrote it last: somebody else approves it, where the account asks for that."""


class Archive(Base):
    """Where everybody can read an Account's mails again, as far as the owner wants that."""

    __tablename__ = "archive"

    account_id: Mapped[int] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True
    )
    slug: Mapped[str] = mapped_column(sa.String(80), unique=True)
    """Its public address: /archive/SLUG."""
    by_default: Mapped[bool] = mapped_column(default=False)
    """Whether a campaign is shown where nobody decided about it."""
    is_listed: Mapped[bool] = mapped_column(default=True)
    """Whether there is a page with all of them, and feeds; else each has only its own address."""
    is_indexed: Mapped[bool] = mapped_column(default=True)
    """Whether search engines may show the pages."""
    can_tell: Mapped[bool] = mapped_column(default=True)
    """Whether readers may tell a friend."""
    intro: Mapped[str] = mapped_column(sa.Text, default="")
    privacy_url: Mapped[str] = mapped_column(sa.String(500), default="")
    """The account's own privacy policy, where it lies on a site of theirs."""
    form_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("signup_form.id", ondelete="SET NULL"), index=True
    )
    """The form that readers sign up with; null: the newest open one."""
    created_at: Mapped[Moment] = mapped_column(default=now)
    updated_at: Mapped[Moment] = mapped_column(default=now)


class ArchivePage(Base):
    """Whether a Campaign can be read by everybody, and where."""

    __tablename__ = "archive_page"
    __table_args__ = (
        sa.UniqueConstraint("account_id", "slug"),
        sa.Index("ix_archive_page_shown", "account_id", "is_public", "shown_at", "campaign_id"),
    )

    campaign_id: Mapped[int] = mapped_column(
        sa.ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True
    )
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"))
    slug: Mapped[str | None] = mapped_column(sa.String(120))
    """Behind the archive's address; null until it is known."""
    choice: Mapped[str] = mapped_column(sa.String(8), default="")
    """yes or no, as the owner said; empty: as the archive does by default."""
    is_public: Mapped[bool] = mapped_column(default=False)
    """What came of that when the campaign left, or since. Shown only once it has begun to leave."""
    shown_at: Mapped[Moment] = mapped_column(default=now)
    """When it went out: the order of the archive."""
    told: Mapped[int] = mapped_column(default=0)
    """Kept counter: how many friends were told of it."""
    updated_at: Mapped[Moment] = mapped_column(default=now)

    campaign: Mapped[Campaign] = relationship()


class FormerAddress(Base):
    """An address that an archive or one of its pages had before, and that leads on."""

    __tablename__ = "archive_former_address"
    __table_args__ = (sa.Index("ix_archive_former_address_slug", "slug", "account_id"),)

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), index=True
    )
    campaign_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("campaign.id", ondelete="CASCADE"), index=True
    )
    """Null for an address of the archive itself."""
    slug: Mapped[str] = mapped_column(sa.String(120))
    created_at: Mapped[Moment] = mapped_column(default=now)
