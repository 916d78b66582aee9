"""Policy versions and what the next one is made from, who accepted which, and who wants to hear of
changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.clock import now
from app.core.db import Base, BigId, Id, Json, Moment


class PolicyVersion(Base):
    """An immutable published text of the privacy policy: privacy.guarding refuses changes."""

    __tablename__ = "policy_version"

    id: Mapped[Id]
    number: Mapped[int] = mapped_column(unique=True)
    published_at: Mapped[Moment] = mapped_column(default=now)
    effective_at: Mapped[Moment] = mapped_column(default=now)
    sections: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    """[{id, title, paragraphs: [text]}] in order."""
    summary: Mapped[str] = mapped_column(sa.Text, default="")
    """What changed, in plain words."""
    fingerprint: Mapped[str] = mapped_column(sa.String(64))
    """SHA-256 of the sections; tells whether the installation's settings have moved on."""
    sources: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """What people wrote of it, as inventory.draft() had it; the rest is the program's."""
    follows: Mapped[int | None] = mapped_column()
    """Number of the version that was in force before, which `changes` and `summary` compare."""
    changes: Mapped[int] = mapped_column(default=0)
    """Passages that differ from that one."""
    matters: Mapped[bool] = mapped_column(default=False)
    """Everybody is asked to accept it before they go on."""
    by_member_id: Mapped[int | None] = mapped_column(BigId)
    """Who published it; null where the program did, as the settings had moved on."""


class Acceptance(Base):
    """A Member accepted a PolicyVersion. Append-only."""

    __tablename__ = "acceptance"

    id: Mapped[Id]
    member_id: Mapped[int] = mapped_column(
        sa.ForeignKey("member.id", ondelete="CASCADE"), index=True
    )
    account_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), index=True
    )
    policy_version_id: Mapped[int] = mapped_column(sa.ForeignKey("policy_version.id"), index=True)
    at: Mapped[Moment] = mapped_column(default=now)
    wording: Mapped[str] = mapped_column(sa.Text)
    network: Mapped[str] = mapped_column(sa.String(64), default="")

    version: Mapped[PolicyVersion] = relationship()


class MemberConsent(Base):
    """A Member gave or took back a consent, or declared something. Append-only: newest counts."""

    __tablename__ = "member_consent"

    id: Mapped[Id]
    member_id: Mapped[int] = mapped_column(
        sa.ForeignKey("member.id", ondelete="CASCADE"), index=True
    )
    account_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[str] = mapped_column(sa.String(32))
    """business (a declaration, stays), marketing_email, marketing_post, marketing_phone."""
    granted: Mapped[bool] = mapped_column()
    wording: Mapped[str] = mapped_column(sa.Text)
    wording_version: Mapped[int] = mapped_column(default=1)
    at: Mapped[Moment] = mapped_column(default=now)
    network: Mapped[str] = mapped_column(sa.String(64), default="")


class InventoryEntry(Base):
    """Words of the data inventory that are not the program's: for the next version."""

    __tablename__ = "inventory_entry"

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(sa.String(32), unique=True)
    """Of an entry of the program whose words were changed, or own-…."""
    title: Mapped[str] = mapped_column(sa.String(120))
    what: Mapped[str] = mapped_column(sa.Text)
    why: Mapped[str] = mapped_column(sa.Text)
    ground: Mapped[str] = mapped_column(sa.Text)
    keeps: Mapped[str] = mapped_column(sa.Text)
    """How long; empty for an entry of the program, which knows it."""
    place: Mapped[str] = mapped_column(sa.Text)
    changed_at: Mapped[Moment] = mapped_column(default=now)


class PolicyDraft(Base):
    """One row: what the next version says besides."""

    __tablename__ = "policy_draft"

    id: Mapped[Id]
    more: Mapped[str] = mapped_column(sa.Text, default="")
    """Passages of the operator's own, a line each."""
    changed_at: Mapped[Moment] = mapped_column(default=now)


class PolicyFollower(Base):
    """Somebody who wants to hear by mail when the policy changes; goes when they leave."""

    __tablename__ = "policy_follower"

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(sa.String(320), unique=True)
    """Normalised."""
    asked_at: Mapped[Moment] = mapped_column(default=now)
    """When the last question was mailed."""
    confirmed_at: Mapped[datetime | None] = mapped_column()


class PolicyMailing(Base):
    """How far the news of a version has been mailed to followers; made with the version."""

    __tablename__ = "policy_mailing"

    policy_version_id: Mapped[int] = mapped_column(
        BigId, sa.ForeignKey("policy_version.id"), primary_key=True, autoincrement=False
    )
    after_id: Mapped[int] = mapped_column(BigId, default=0)
    """The last follower whose mail is a row."""
    done_at: Mapped[datetime | None] = mapped_column()
