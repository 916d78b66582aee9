"""Links by which somebody without an account sees one report or one preview, for a while."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from app.accounts import standing
from app.accounts.models import Account, Member
from app.auth import passwords
from app.campaigns.models import Campaign
from app.core import settings, tokens
from app.core.clock import now
from app.core.db import db
from app.core.errors import DomainError, Invalid, TooMany
from app.core.owning import owned
from app.core.tokens import BadToken, Purpose
from app.sharing.models import ShareLink

KINDS = {"report": "The report", "preview": "The mail as it looks"}
#: Days, and what people call them.
LIVES = {1: "1 day", 7: "a week", 30: "30 days", 90: "90 days", 365: "a year"}
SHORTEST = 6
#: Of one campaign at a time.
MOST = 50
#: How long a browser need not say the password again.
UNLOCKED = timedelta(hours=12)


@dataclass(frozen=True)
class Wish:
    """What the link is to be."""

    kind: str
    days: int
    label: str = ""
    password: str = ""


class Over(DomainError):
    """The link was good once."""

    status = 410

    def __init__(self) -> None:
        super().__init__("This link is over. Ask the person who sent it for a new one.")


def make(campaign: Campaign, member: Member, wish: Wish) -> ShareLink:
    """Raises Invalid, TooMany."""
    if wish.kind not in KINDS or wish.days not in LIVES:
        raise Invalid("Choose what to show and for how long.")
    if wish.password and len(wish.password) < SHORTEST:
        text = f"Use at least {SHORTEST} signs, or none for no password."
        raise Invalid(text, {"password": [text]})
    if len(of_campaign(campaign)) >= MOST:
        raise TooMany(f"There are {MOST} links to this campaign. Take one back first.")
    link = ShareLink(
        account_id=campaign.account_id,
        campaign_id=campaign.id,
        kind=wish.kind,
        label=wish.label.strip()[:200],
        nonce=secrets.randbits(62),
        password_hash=passwords.hashed(wish.password) if wish.password else None,
        expires_at=now() + timedelta(days=wish.days),
        created_by_id=member.id,
    )
    db.session.add(link)
    db.session.flush()
    return link


def revoke(link: ShareLink) -> None:
    """From now on it opens nothing."""
    link.revoked_at = link.revoked_at or now()


def owned_link(account: Account, link_id: int) -> ShareLink:
    """Raises NotFound."""
    return owned(ShareLink, account.id, link_id, "This link", selectinload(ShareLink.campaign))


def of_campaign(campaign: Campaign) -> Sequence[ShareLink]:
    """Those that open something, newest first."""
    return _good(ShareLink.campaign_id == campaign.id, MOST)


def of_account(account: Account, *, limit: int = 200) -> Sequence[ShareLink]:
    """The same, of all campaigns."""
    return _good(ShareLink.account_id == account.id, limit)


def address(link: ShareLink) -> str:
    """The whole public address."""
    return f"{settings.get().BASE_URL}/s/{token(link)}"


def token(link: ShareLink) -> str:
    """As it stands in the address."""
    return tokens.sign(Purpose.SHARE, link.id, link.nonce)


def find(text: str) -> ShareLink:
    """What a token opens. Raises BadToken, Over."""
    numbers = tokens.read(Purpose.SHARE, text)
    if len(numbers) != 2:
        raise BadToken
    link = db.session.scalar(
        sa.select(ShareLink)
        .where(ShareLink.id == numbers[0], ShareLink.nonce == numbers[1])
        .options(selectinload(ShareLink.campaign).selectinload(Campaign.account))
    )
    if link is None:
        raise BadToken
    is_over = link.revoked_at is not None or link.expires_at <= now()
    if is_over or not standing.is_shown(link.campaign.account):
        raise Over
    return link


def is_right(link: ShareLink, password: str) -> bool:
    """Takes as long for wrong ones."""
    return link.password_hash is not None and passwords.opens(link.password_hash, password)


def unlocked(link: ShareLink) -> str:
    """What a browser keeps once the password was right."""
    until = int((now() + UNLOCKED).timestamp())
    return tokens.sign(Purpose.SHARE_OPENED, link.id, until, _mark(link))


def is_unlocked(link: ShareLink, kept: str) -> bool:
    """Whether this browser may look: there is no password, or it was said lately."""
    if link.password_hash is None:
        return True
    try:
        numbers = tokens.read(Purpose.SHARE_OPENED, kept)
    except BadToken:
        return False
    return (
        len(numbers) == 3
        and numbers[0] == link.id
        and numbers[1] > now().timestamp()
        and numbers[2] == _mark(link)
    )


def count(link: ShareLink) -> None:
    """It was looked at."""
    db.session.execute(
        sa.update(ShareLink)
        .where(ShareLink.id == link.id)
        .values(opened=ShareLink.opened + 1, opened_at=now())
        .execution_options(synchronize_session=False)
    )


def forget_old(before: datetime) -> int:
    """Links that ended before then; returns how many."""
    gone = db.session.execute(
        sa.delete(ShareLink)
        .where(sa.or_(ShareLink.expires_at < before, ShareLink.revoked_at < before))
        .returning(ShareLink.id)
    )
    return len(gone.all())


def _good(condition: sa.ColumnElement[bool], limit: int) -> Sequence[ShareLink]:
    return db.session.scalars(
        sa.select(ShareLink)
        .where(condition, ShareLink.revoked_at.is_(None), ShareLink.expires_at > now())
        .options(selectinload(ShareLink.campaign))
        .order_by(ShareLink.id.desc())
        .limit(limit)
    ).all()


def _mark(link: ShareLink) -> int:
    """Of the password, so that a new one asks everybody again."""
    key = tokens.derive_key(settings.get().SECRET_KEY, "share links")
    return int.from_bytes(hmac.digest(key, (link.password_hash or "").encode(), "sha256")[:6])
