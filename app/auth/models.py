"""Links that set a password, sessions, and what people sign in with besides a password."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import Member
from app.core.clock import now
from app.core.db import Base, BigId, Id, Json, Moment


class PasswordLink(Base):
    """A single-use, expiring link to set a password: the first one or a new one."""

    __tablename__ = "password_link"

    id: Mapped[Id]
    member_id: Mapped[int] = mapped_column(
        sa.ForeignKey("member.id", ondelete="CASCADE"), index=True
    )
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    created_at: Mapped[Moment] = mapped_column(default=now)
    expires_at: Mapped[Moment] = mapped_column()
    used_at: Mapped[datetime | None] = mapped_column()

    member: Mapped[Member] = relationship()


class SignedIn(Base):
    """One signed-in browser. The cookie holds a random secret, the row its hash."""

    __tablename__ = "signed_in"

    id: Mapped[Id]
    member_id: Mapped[int] = mapped_column(
        sa.ForeignKey("member.id", ondelete="CASCADE"), index=True
    )
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    account_id: Mapped[int | None] = mapped_column(sa.ForeignKey("account.id", ondelete="SET NULL"))
    """The account being looked at."""
    created_at: Mapped[Moment] = mapped_column(default=now)
    seen_at: Mapped[Moment] = mapped_column(default=now)
    ended_at: Mapped[datetime | None] = mapped_column()
    network: Mapped[str] = mapped_column(sa.String(64), default="")
    """Shortened address: /24 or /48."""
    browser: Mapped[str] = mapped_column(sa.String(200), default="")
    way: Mapped[str] = mapped_column(sa.String(16), default="password")
    """How it began: password, passkey, provider or link."""
    is_strong: Mapped[bool] = mapped_column(default=False)
    """Proven by a second factor as well, or by a passkey."""
    confirmed_at: Mapped[Moment] = mapped_column(default=now)
    """When the person last proved who they are."""

    member: Mapped[Member] = relationship()


class EmailChange(Base):
    """A new address of a person, used once its mailbox has answered; single use, expires."""

    __tablename__ = "email_change"

    id: Mapped[Id]
    member_id: Mapped[int] = mapped_column(
        sa.ForeignKey("member.id", ondelete="CASCADE"), index=True
    )
    email: Mapped[str] = mapped_column(sa.String(320))
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    created_at: Mapped[Moment] = mapped_column(default=now)
    expires_at: Mapped[Moment] = mapped_column()
    used_at: Mapped[datetime | None] = mapped_column()
    old_email: Mapped[str] = mapped_column(sa.String(320), default="")
    """The address before, once the new one counts."""
    back_hash: Mapped[str | None] = mapped_column(sa.String(64), index=True, unique=True)
    """Of the link by which the old address takes the change back; null when that was used."""

    member: Mapped[Member] = relationship()


class Authenticator(Base):
    """A person's app that shows a new code every 30 seconds (TOTP, RFC 6238)."""

    __tablename__ = "authenticator"

    id: Mapped[Id]
    member_id: Mapped[int] = mapped_column(
        sa.ForeignKey("member.id", ondelete="CASCADE"), unique=True
    )
    sealed_secret: Mapped[str] = mapped_column(sa.Text)
    used_step: Mapped[int] = mapped_column(default=0)
    """The newest span of 30 seconds whose code was used: neither it nor older ones count again."""
    created_at: Mapped[Moment] = mapped_column(default=now)
    confirmed_at: Mapped[datetime | None] = mapped_column()
    """Null until the first right code: the app is being set up."""


class RecoveryCode(Base):
    """A code on paper that stands in once for a lost second factor."""

    __tablename__ = "recovery_code"

    id: Mapped[Id]
    member_id: Mapped[int] = mapped_column(
        sa.ForeignKey("member.id", ondelete="CASCADE"), index=True
    )
    code_hash: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[Moment] = mapped_column(default=now)
    used_at: Mapped[datetime | None] = mapped_column()


class Passkey(Base):
    """A key in a person's device, phone or security key (WebAuthn)."""

    __tablename__ = "passkey"

    id: Mapped[Id]
    member_id: Mapped[int] = mapped_column(
        sa.ForeignKey("member.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(sa.String(100))
    credential_id: Mapped[str] = mapped_column(sa.String(1400), unique=True)
    """base64url, as browsers say it."""
    public_key: Mapped[str] = mapped_column(sa.Text)
    """COSE, base64url."""
    sign_count: Mapped[int] = mapped_column(default=0)
    """How often the device has signed, where it counts; a smaller number means a copy."""
    transports: Mapped[list[str]] = mapped_column(Json, default=list)
    is_synced: Mapped[bool] = mapped_column(default=False)
    """Kept by a password manager on several devices."""
    created_at: Mapped[Moment] = mapped_column(default=now)
    used_at: Mapped[datetime | None] = mapped_column()


class ProviderLogin(Base):
    """Somebody's login at the sign-in provider (OpenID Connect)."""

    __tablename__ = "provider_login"
    __table_args__ = (sa.UniqueConstraint("issuer", "subject"),)

    id: Mapped[Id]
    member_id: Mapped[int] = mapped_column(
        sa.ForeignKey("member.id", ondelete="CASCADE"), index=True
    )
    issuer: Mapped[str] = mapped_column(sa.String(500))
    subject: Mapped[str] = mapped_column(sa.String(255))
    """The provider's own name for the person, which never changes."""
    email: Mapped[str] = mapped_column(sa.String(320), default="")
    created_at: Mapped[Moment] = mapped_column(default=now)
    used_at: Mapped[datetime | None] = mapped_column()


class SignInStep(Base):
    """A sign-in on its way: what has been proven, and what is to come. Single use, expires."""

    __tablename__ = "sign_in_step"

    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(sa.String(16))
    """code, passkey, register, provider or link."""
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    member_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("member.id", ondelete="CASCADE"), index=True
    )
    """Who it is about, where that is known."""
    data: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """What the next request needs: a challenge, a state, where to go afterwards."""
    tries: Mapped[int] = mapped_column(sa.SmallInteger, default=0)
    """Wrong codes so far."""
    is_known: Mapped[bool] = mapped_column(default=False)
    """From a browser in which the person has signed in before."""
    created_at: Mapped[Moment] = mapped_column(default=now)
    expires_at: Mapped[Moment] = mapped_column(index=True)
    used_at: Mapped[datetime | None] = mapped_column()


class KnownBrowser(Base):
    """A browser in which a person has signed in: no news, and no part of what strangers try."""

    __tablename__ = "known_browser"
    __table_args__ = (sa.UniqueConstraint("token_hash", "member_id"),)

    id: Mapped[Id]
    member_id: Mapped[int] = mapped_column(
        sa.ForeignKey("member.id", ondelete="CASCADE"), index=True
    )
    token_hash: Mapped[str] = mapped_column(sa.String(64))
    """Of the secret in a cookie that outlives sessions; each who shares the browser has one."""
    created_at: Mapped[Moment] = mapped_column(default=now)
    seen_at: Mapped[Moment] = mapped_column(default=now)


class AlarmLink(Base):
    """The link *this was not me* of a mail: ends all sessions, and undoes what was added since."""

    __tablename__ = "alarm_link"

    id: Mapped[Id]
    member_id: Mapped[int] = mapped_column(
        sa.ForeignKey("member.id", ondelete="CASCADE"), index=True
    )
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    since: Mapped[Moment] = mapped_column()
    """When the session began that the mail was about."""
    expires_at: Mapped[Moment] = mapped_column()
    used_at: Mapped[datetime | None] = mapped_column()


class BarredNetwork(Base):
    """From there nothing is answered but what readers of mails need; of the operator."""

    __tablename__ = "barred_network"

    id: Mapped[Id]
    network: Mapped[str] = mapped_column(sa.String(64), unique=True)
    """CIDR."""
    reason: Mapped[str] = mapped_column(sa.String(500), default="")
    by_id: Mapped[int | None] = mapped_column(BigId)
    """Who of the staff did it."""
    created_at: Mapped[Moment] = mapped_column(default=now)
    until: Mapped[Moment] = mapped_column()
