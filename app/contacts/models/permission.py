"""What people agreed to or refused."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.contacts.models.columns import account_key, plain
from app.core.clock import now
from app.core.db import Base, BigId, Id, Json, Moment


class Consent(Base):
    """Evidence: who, when, how, wording, policy version. Append-only: triggers refuse changes but
    those of contacts.guarding, and ConsentSeal shows the others.
    """

    __tablename__ = "consent"
    __table_args__ = (
        sa.Index("ix_consent_contact", "contact_id", "id"),
        sa.Index("ix_consent_account", "account_id", "id"),
        sa.Index(
            "ix_consent_to_empty", "id",
            sqlite_where=sa.text("contact_id IS NULL AND proof IS NULL"),
            postgresql_where=sa.text("contact_id IS NULL AND proof IS NULL"),
        ),
    )  # fmt: skip

    id: Mapped[Id]
    account_id: Mapped[int] = account_key()
    contact_id: Mapped[int | None] = mapped_column(sa.ForeignKey("contact.id", ondelete="SET NULL"))
    """Whose page shows it. Not sealed: merged contacts share one, and erased ones have none."""
    address: Mapped[str | None] = mapped_column(plain(320))
    """Who agreed: the address as it was then, normalised; null once the person was erased."""
    list_id: Mapped[int | None] = mapped_column(BigId)
    """Stays when the list goes, for evidence is never changed."""
    kind: Mapped[str] = mapped_column(sa.String(16))
    """stated (the owner says so), asked, confirmed, withdrawn, restored; what a person chose on
    their page of preferences: paused, resumed, frequency, changed."""
    source: Mapped[str] = mapped_column(sa.String(64))
    """form, api, hand, reminder, import, link, one_click, mail, provider, undo, preferences."""
    wording: Mapped[str] = mapped_column(sa.Text, default="")
    evidence: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """Name of the list, shortened network, page, campaign, import, member: what there is."""
    policy_version_id: Mapped[int | None] = mapped_column(BigId)
    """The installation's privacy policy in force."""
    at: Mapped[Moment] = mapped_column(default=now)
    proof: Mapped[str | None] = mapped_column(sa.String(64))
    """Once the person was erased: the digest of what was here (contacts.canon), so that the chain
    still holds."""


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
    """contacts.suppressions.address_hash: keyed, hex. As travel_hash where that came with a
    take-out: addresses are looked up by both."""
    travel_hash: Mapped[str | None] = mapped_column(sa.String(64))
    """contacts.travelling: made when the address is forgotten; null while it is known."""
    travel_key: Mapped[str | None] = mapped_column(sa.String(16))
    """SuppressionKey.name it was made with; null: the account's own."""
    reason: Mapped[str] = mapped_column(sa.String(16))
    """unsubscribed, complaint, bounced, erased, account (the owner added it), import."""
    detail: Mapped[str] = mapped_column(sa.Text, default="")
    import_id: Mapped[int | None] = mapped_column(BigId)
    """The Import whose file is all that says so: only these go when it is undone."""
    created_at: Mapped[Moment] = mapped_column(default=now)

    @property
    def by_person(self) -> bool:
        """Whether only the person may lift it."""
        return self.reason in ("unsubscribed", "complaint", "erased")
