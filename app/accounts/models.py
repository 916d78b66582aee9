"""Businesses, the people who sign in for them, and how their mail leaves."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from app.core.chaining import Linked, indexes
from app.core.clock import now
from app.core.db import Base, BigId, Id, Json, Moment
from app.core.folding import fold


class Account(Base):
    """A business using this installation."""

    __tablename__ = "account"
    __table_args__ = (
        sa.Index("ix_account_name_key", "name_key", "id"),
        sa.Index("ix_account_state", "state", "id"),
        sa.Index(
            "ix_account_barred", "barred", "id",
            sqlite_where=sa.text("barred <> ''"), postgresql_where=sa.text("barred <> ''"),
        ),
        sa.Index(
            "ix_account_house", "is_house", unique=True,
            sqlite_where=sa.text("is_house"), postgresql_where=sa.text("is_house"),
        ),
    )  # fmt: skip

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(sa.String(200))
    name_key: Mapped[str] = mapped_column(
        sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql"),
        default="", server_default="",
    )  # fmt: skip
    """The beginning of the name in small letters: what staff search by."""
    address: Mapped[str] = mapped_column(sa.Text, default="")
    """Postal address; stands at the end of every mail."""
    website: Mapped[str] = mapped_column(sa.String(500), default="")
    zone_name: Mapped[str] = mapped_column(sa.String(64), default="UTC")
    mail_language: Mapped[str] = mapped_column(sa.String(8), default="en", server_default="en")
    """In which its mails are, for what we write at their end (campaigns.footers)."""
    state: Mapped[str] = mapped_column(sa.String(16), default="pending")
    """pending until its owner has set a password; active."""
    barred: Mapped[str] = mapped_column(sa.String(8), default="", server_default="")
    """Suspended by the operator: sending; access: its people may only fetch what is theirs and
    answer. closing: by an owner. Empty: none of these."""
    vouched: Mapped[bool] = mapped_column(default=False)
    """Made by the operator: no sending limits, DNS findings only warn."""
    plan: Mapped[str] = mapped_column(sa.String(32), default="free")
    needs_approval: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    """Nothing is sent before somebody else than its writer has approved it."""
    is_house: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    """The operator's own, for mailings to customers who agreed to them; there is at most one."""
    support_may_look: Mapped[bool] = mapped_column(default=True, server_default=sa.true())
    """Whether staff may look in for support without asking first."""
    support_until: Mapped[datetime | None] = mapped_column()
    """Until when they may though they may not in general."""
    created_at: Mapped[Moment] = mapped_column(default=now)
    erased_since: Mapped[datetime | None] = mapped_column()
    """When erasing it for good began: from then on nobody can undo it, contacts.guarding refuses
    that, and its records go in slices. Null: it is not being erased."""
    second_factor_from: Mapped[datetime | None] = mapped_column()
    """From when on everybody here needs a second factor; null: as each of them likes."""

    memberships: Mapped[list[Membership]] = relationship(back_populates="account")

    @validates("name")
    def _keep_key(self, _name: str, value: str) -> str:
        self.name_key = (fold(value) or "")[:64]
        return value

    @property
    def standing(self) -> str:
        """In one word: pending, active, suspended (its sending or altogether), closing."""
        if not self.barred:
            return self.state
        return "closing" if self.barred == "closing" else "suspended"

    @property
    def zone(self) -> ZoneInfo:
        """The account's time zone."""
        return ZoneInfo(self.zone_name)


class Member(Base):
    """A person who signs in. Staff are members with staff roles."""

    __tablename__ = "member"

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(sa.String(320), unique=True)
    """Lower case."""
    name: Mapped[str] = mapped_column(sa.String(200), default="")
    phone: Mapped[str] = mapped_column(sa.String(64), default="")
    password_hash: Mapped[str | None] = mapped_column(sa.String(255))
    password_set_at: Mapped[datetime | None] = mapped_column()
    staff_roles: Mapped[list[str]] = mapped_column(Json, default=list)
    created_at: Mapped[Moment] = mapped_column(default=now)

    memberships: Mapped[list[Membership]] = relationship(back_populates="member")


class Membership(Base):
    """What a Member may do in an Account."""

    __tablename__ = "membership"
    __table_args__ = (sa.UniqueConstraint("account_id", "member_id"),)

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"))
    member_id: Mapped[int] = mapped_column(
        sa.ForeignKey("member.id", ondelete="CASCADE"), index=True
    )
    role: Mapped[str] = mapped_column(sa.String(16))
    """One of accounts.rights.ROLES."""
    rights: Mapped[list[str] | None] = mapped_column(Json)
    """Instead of those of the role; null: those of the role."""
    created_at: Mapped[Moment] = mapped_column(default=now)

    account: Mapped[Account] = relationship(back_populates="memberships")
    member: Mapped[Member] = relationship(back_populates="memberships")


class Invitation(Base):
    """A link by which somebody joins an Account; single use, expires."""

    __tablename__ = "invitation"

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), index=True
    )
    email: Mapped[str] = mapped_column(sa.String(320))
    role: Mapped[str] = mapped_column(sa.String(16))
    rights: Mapped[list[str] | None] = mapped_column(Json)
    """Instead of those of the role; null: those of the role."""
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    invited_by_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("member.id", ondelete="SET NULL")
    )
    created_at: Mapped[Moment] = mapped_column(default=now)
    expires_at: Mapped[Moment] = mapped_column()
    accepted_at: Mapped[datetime | None] = mapped_column()


class Relay(Base):
    """An SMTP server with its credentials. `account_id` is null for the operator's own."""

    __tablename__ = "relay"

    id: Mapped[Id]
    account_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(sa.String(200))
    host: Mapped[str] = mapped_column(sa.String(255))
    port: Mapped[int] = mapped_column()
    tls: Mapped[str] = mapped_column(sa.String(16), default="starttls")
    """none, opportunistic, starttls or implicit."""
    username: Mapped[str] = mapped_column(sa.String(320), default="")
    sealed_password: Mapped[str | None] = mapped_column(sa.Text)
    max_connections: Mapped[int] = mapped_column(default=10)
    position: Mapped[int] = mapped_column(default=0)
    """Order among the account's own; stand-ins are tried in it."""
    weight: Mapped[int] = mapped_column(default=1)
    """Share of the mail; 0: only while the others are out."""
    from_domains: Mapped[str] = mapped_column(sa.Text, default="")
    """Domains of From addresses that it is for, with blanks between; empty: all others."""
    per_second: Mapped[int | None] = mapped_column()
    per_hour: Mapped[int | None] = mapped_column()
    per_day: Mapped[int | None] = mapped_column()
    created_at: Mapped[Moment] = mapped_column(default=now)


class Mailbox(Base):
    """A mailbox that bounces come to, read by us. `account_id` is null for the operator's own."""

    __tablename__ = "mailbox"

    id: Mapped[Id]
    account_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[str] = mapped_column(sa.String(8), default="imap")
    """imap or pop3."""
    host: Mapped[str] = mapped_column(sa.String(255))
    port: Mapped[int] = mapped_column()
    tls: Mapped[str] = mapped_column(sa.String(16), default="implicit")
    """implicit, starttls or none."""
    username: Mapped[str] = mapped_column(sa.String(320))
    sealed_password: Mapped[str] = mapped_column(sa.Text)
    folder: Mapped[str] = mapped_column(sa.String(200), default="INBOX")
    keeps: Mapped[bool] = mapped_column(default=False)
    """Mails that were read are marked as seen (IMAP) instead of deleted."""
    taken: Mapped[int] = mapped_column(default=0)
    """Mails read so far."""
    checked_at: Mapped[datetime | None] = mapped_column()
    problem: Mapped[str] = mapped_column(sa.Text, default="")
    """What went wrong at the last look; empty when it worked."""
    due_at: Mapped[Moment] = mapped_column(default=now, index=True)
    """When to look next; while somebody looks, the end of their lease."""
    created_at: Mapped[Moment] = mapped_column(default=now)


class ReportHook(Base):
    """An address at which a mail provider tells what became of mails.

    `account_id` is null for the operator's own relay, which carries everybody's mail.
    """

    __tablename__ = "report_hook"

    id: Mapped[Id]
    account_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), index=True
    )
    provider: Mapped[str] = mapped_column(sa.String(16))
    """ses, postmark, sendgrid or mailgun."""
    sealed_key: Mapped[str | None] = mapped_column(sa.Text)
    """What proves a report: signing key, verification key, password or topic. Null: not yet."""
    last_at: Mapped[datetime | None] = mapped_column()
    """When the last report came that was taken."""
    taken: Mapped[int] = mapped_column(default=0)
    """Pieces of news about mails of this account."""
    others: Mapped[int] = mapped_column(default=0)
    """Those about other mail."""
    refused: Mapped[int] = mapped_column(default=0)
    refused_at: Mapped[datetime | None] = mapped_column()
    refusal: Mapped[str] = mapped_column(sa.String(200), default="")
    """Why the last one was refused."""
    confirmed_at: Mapped[datetime | None] = mapped_column()
    """When SNS was told that its subscription is wanted."""
    problem: Mapped[str] = mapped_column(sa.String(200), default="")
    """What keeps that from happening."""
    created_at: Mapped[Moment] = mapped_column(default=now)

    @property
    def is_refusing(self) -> bool:
        """Whether the last report that came was refused."""
        return bool(
            self.refused_at
            and self.refusal
            and (not self.last_at or self.refused_at > self.last_at)
        )


class Sender(Base):
    """A From identity; usable once its address has been confirmed by mail."""

    __tablename__ = "sender"
    __table_args__ = (sa.UniqueConstraint("account_id", "email"),)

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(sa.String(200), default="")
    email: Mapped[str] = mapped_column(sa.String(320))
    """Lower case."""
    relay_id: Mapped[int | None] = mapped_column(sa.ForeignKey("relay.id", ondelete="SET NULL"))
    """Null: the operator's relay."""
    token_hash: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    confirmed_at: Mapped[datetime | None] = mapped_column()
    created_at: Mapped[Moment] = mapped_column(default=now)


class WarmUp(Base):
    """A plan by which a new mail server or From domain sends more each day (mailer.warming)."""

    __tablename__ = "warm_up"
    __table_args__ = (
        sa.Index(
            "ix_warm_up_open",
            "account_id",
            "subject",
            unique=True,
            sqlite_where=sa.text("state <> 'ended'"),
            postgresql_where=sa.text("state <> 'ended'"),
        ),
    )

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"))
    subject: Mapped[str] = mapped_column(sa.String(300))
    """server:ID of a Relay, or domain:NAME."""
    relay_id: Mapped[int | None] = mapped_column(sa.ForeignKey("relay.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(sa.String(8), default="active")
    """active; paused: no limit meanwhile; ended."""
    goal: Mapped[int] = mapped_column()
    """Mails a day that it leads to."""
    step: Mapped[int] = mapped_column(default=0)
    """Days that counted."""
    day: Mapped[int] = mapped_column(default=0)
    """Day since 1970 (UTC) that `in_day` counts."""
    in_day: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[Moment] = mapped_column(default=now)
    ended_at: Mapped[datetime | None] = mapped_column()


class SigningKey(Base):
    """A DKIM key of an Account for one domain of its senders."""

    __tablename__ = "signing_key"
    __table_args__ = (
        sa.UniqueConstraint("domain", "selector"),
        sa.Index("ix_signing_key_account", "account_id", "domain", "state"),
    )

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"))
    domain: Mapped[str] = mapped_column(sa.String(255))
    selector: Mapped[str] = mapped_column(sa.String(63))
    kind: Mapped[str] = mapped_column(sa.String(16))
    """rsa or ed25519."""
    sealed_key: Mapped[str | None] = mapped_column(sa.Text)
    """The private half; forgotten when the key is retired."""
    record: Mapped[str] = mapped_column(sa.Text)
    """The public half, as the TXT record to publish."""
    state: Mapped[str] = mapped_column(sa.String(16), default="new")
    """new until its record is seen in DNS; active: signs; retired."""
    created_at: Mapped[Moment] = mapped_column(default=now)
    activated_at: Mapped[datetime | None] = mapped_column()
    retired_at: Mapped[datetime | None] = mapped_column()


class DomainCheck(Base):
    """What DNS said about a sending domain when it was last asked."""

    __tablename__ = "domain_check"
    __table_args__ = (sa.UniqueConstraint("account_id", "domain"),)

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"))
    domain: Mapped[str] = mapped_column(sa.String(255))
    checked_at: Mapped[Moment] = mapped_column(default=now)
    findings: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    """As `mailer.records.Finding.as_dict` makes them."""
    good: Mapped[list[str]] = mapped_column(Json, default=list)
    """Codes that were right when last known, so that what breaks is noticed once."""


class Notice(Base):
    """A system mail: the row first, then sent ahead of campaigns by `accounts.notices`."""

    __tablename__ = "notice"
    __table_args__ = (sa.Index("ix_notice_due", "state", "due_at"),)

    id: Mapped[Id]
    account_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[str] = mapped_column(sa.String(64))
    """The folder under templates/emails/."""
    to_email: Mapped[str] = mapped_column(sa.String(320))
    subject: Mapped[str] = mapped_column(sa.Text)
    text: Mapped[str] = mapped_column(sa.Text)
    html: Mapped[str] = mapped_column(sa.Text, default="")
    headers: Mapped[dict[str, str]] = mapped_column(Json, default=dict)
    """From, Reply-To, List-Unsubscribe and the like, where they differ from the default."""
    state: Mapped[str] = mapped_column(sa.String(16), default="pending")
    """pending, sending, sent, failed or uncertain."""
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[Moment] = mapped_column(default=now)
    lease_until: Mapped[datetime | None] = mapped_column()
    answer: Mapped[str] = mapped_column(sa.Text, default="")
    created_at: Mapped[Moment] = mapped_column(default=now)
    sent_at: Mapped[datetime | None] = mapped_column()


class ApiToken(Base):
    """Lets a program act for an Account; only its hash is kept."""

    __tablename__ = "api_token"

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(sa.String(200), default="")
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    hint: Mapped[str] = mapped_column(sa.String(8), default="")
    """The last characters, to tell tokens apart."""
    scopes: Mapped[list[str]] = mapped_column(Json, default=list)
    made_by_id: Mapped[int | None] = mapped_column(BigId)
    """The member who made it, with whose place here it ends; null: the operator."""
    created_at: Mapped[Moment] = mapped_column(default=now)
    last_used_at: Mapped[datetime | None] = mapped_column()
    used_from: Mapped[str] = mapped_column(sa.String(64), default="", server_default="")
    """The network of the last use, shortened; empty before the first."""
    networks: Mapped[str] = mapped_column(sa.Text, default="", server_default="")
    """From where alone it may be used, with blanks between; empty: from anywhere."""
    expires_at: Mapped[datetime | None] = mapped_column(index=True)
    """Null: never."""
    warned_at: Mapped[datetime | None] = mapped_column()
    """When the owners were told that its end is near."""
    revoked_at: Mapped[datetime | None] = mapped_column()

    @property
    def is_over(self) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= now()


class IdempotencyKey(Base):
    """The first answer to a POST, given again to a repeat of it."""

    __tablename__ = "idempotency_key"
    __table_args__ = (sa.UniqueConstraint("account_id", "key"),)

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(sa.String(255))
    request_hash: Mapped[str] = mapped_column(sa.String(64))
    status: Mapped[int | None] = mapped_column()
    """Null while the first request is still running."""
    body: Mapped[str] = mapped_column(sa.Text, default="")
    created_at: Mapped[Moment] = mapped_column(default=now, index=True)


class AuditEntry(Linked, Base):
    """Who changed what in an Account. Append-only, and chained (core.chaining)."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        sa.Index("ix_audit_entry_account", "account_id", "id"),
        *indexes(__tablename__),
    )

    id: Mapped[Id]
    account_id: Mapped[int | None] = mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"))
    member_id: Mapped[int | None] = mapped_column(BigId)
    at: Mapped[Moment] = mapped_column(default=now)
    verb: Mapped[str] = mapped_column(sa.String(64))
    """For example campaign.send."""
    about: Mapped[str] = mapped_column(sa.String(200), default="")
    """For example campaign 7; never an address."""


class LadderPlace(Base):
    """Where an Account stands on the ladder of trust (accounts.ladder), and what it sent today."""

    __tablename__ = "ladder_place"
    __table_args__ = (sa.Index("ix_ladder_place_look", "look_at"),)

    account_id: Mapped[int] = mapped_column(
        sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True
    )
    step: Mapped[int] = mapped_column(default=0)
    since: Mapped[Moment] = mapped_column(default=now)
    day: Mapped[int] = mapped_column(default=0)
    """Day since 1970 (UTC) that `in_day` counts."""
    in_day: Mapped[int] = mapped_column(default=0)
    look_at: Mapped[Moment] = mapped_column(default=now)
    """When its results are looked at next."""


class LadderMove(Base):
    """A move on the ladder, with what it rests on. Append-only."""

    __tablename__ = "ladder_move"
    __table_args__ = (sa.Index("ix_ladder_move_account", "account_id", "id"),)

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"))
    at: Mapped[Moment] = mapped_column(default=now)
    was: Mapped[int] = mapped_column()
    step: Mapped[int] = mapped_column()
    words: Mapped[str] = mapped_column(sa.Text)
    evidence: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """{sent, hard, complaints, days}: numbers only."""
    by_id: Mapped[int | None] = mapped_column(BigId)
    """A member of staff; null where the rules did it."""
