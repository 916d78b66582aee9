"""Policy versions, who accepted which, and members' consents."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.clock import now
from app.core.db import Base, Id, Json, Moment


class PolicyVersion(Base):
    """An immutable published text of the privacy policy."""

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
    policy_version_id: Mapped[int] = mapped_column(sa.ForeignKey("policy_version.id"))
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
