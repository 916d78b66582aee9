"""What people agreed to or refused."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.contacts.models.columns import account_key, plain
from app.core.clock import now
from app.core.db import Base, BigId, Id, Json, Moment


class Consent(Base):
    """Evidence: who, when, how, wording, policy version. Append-only."""

    __tablename__ = "consent"
    __table_args__ = (
        sa.Index("ix_consent_contact", "contact_id", "id"),
        sa.Index("ix_consent_account", "account_id", "id"),
    )

    id: Mapped[Id]
    account_id: Mapped[int] = account_key()
    contact_id: Mapped[int | None] = mapped_column(sa.ForeignKey("contact.id", ondelete="SET NULL"))
    list_id: Mapped[int | None] = mapped_column(sa.ForeignKey("list.id", ondelete="SET NULL"))
    kind: Mapped[str] = mapped_column(sa.String(16))
    """stated (the owner says so), asked, confirmed, withdrawn, restored."""
    source: Mapped[str] = mapped_column(sa.String(64))
    """form, api, hand, reminder, import, link, one_click, mail, provider, undo."""
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
    account_id: Mapped[int] = account_key()
    address: Mapped[str | None] = mapped_column(plain(320))
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
