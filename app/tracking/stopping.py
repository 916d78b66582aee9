"""Links that the operator stopped, as phishing or fraud: a warning stands in their place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

import sqlalchemy as sa

from app.campaigns.models import Campaign
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid, NotFound
from app.delivery.models import Link
from app.tracking.models import StoppedLink


def why(link_id: int, campaign_id: int, url: str) -> str:
    """Why nobody is let through; empty where everybody is."""
    account = sa.select(Campaign.account_id).where(Campaign.id == campaign_id).scalar_subquery()
    keys = [f"link:{link_id}", *_host_keys(url)]
    of_account = StoppedLink.key == sa.literal("account:") + sa.cast(account, sa.String)
    found = db.session.scalar(
        sa.select(StoppedLink.reason)
        .where(StoppedLink.ended_at.is_(None), sa.or_(StoppedLink.key.in_(keys), of_account))
        .limit(1)
    )
    return found or ""


def why_campaign(campaign: Campaign, urls: Iterable[str]) -> str:
    """Why a mail with these links is shown to nobody as a page; empty where it may be.

    One link that was stopped is enough: copies for everybody lead past the place that warns.
    """
    keys = {f"account:{campaign.account_id}"}.union(*(_host_keys(url) for url in urls))
    of_links = sa.select(sa.literal("link:") + sa.cast(Link.id, sa.String)).where(
        Link.campaign_id == campaign.id
    )
    found = db.session.scalar(
        sa.select(StoppedLink.reason)
        .where(
            StoppedLink.ended_at.is_(None),
            sa.or_(StoppedLink.key.in_(sorted(keys)), StoppedLink.key.in_(of_links)),
        )
        .limit(1)
    )
    return found or ""


def _host_keys(url: str) -> list[str]:
    """The host and what it lies below: host:a.b.example, host:b.example, host:example."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:
        return []
    labels = host.split(".")
    return [f"host:{'.'.join(labels[at:])}" for at in range(len(labels))]


def stop(key: str, *, reason: str, by_id: int | None) -> StoppedLink:
    """From now on a warning stands there. Raises Invalid."""
    kind, _, what = key.partition(":")
    if kind == "host":
        what = _named_host(what)
        key = f"host:{what}"
    is_number = what.isascii() and what.isdecimal()
    if kind not in ("link", "host", "account") or not what or len(key) > 300:
        raise Invalid("Name a link, a host or an account.", {"key": ["Name a link or a host."]})
    if kind != "host" and not is_number:
        raise Invalid("Name a link, a host or an account.", {"key": ["Name a link or a host."]})
    if not reason.strip():
        raise Invalid("Say why.", {"reason": ["Say why, for whoever clicks."]})
    known = db.session.scalar(_open().where(StoppedLink.key == key))
    if known is not None:
        return known
    row = StoppedLink(key=key, reason=reason.strip(), by_id=by_id)
    db.session.add(row)
    db.session.flush()
    return row


def _named_host(text: str) -> str:
    """What is meant by a host, or by a whole address that somebody pasted."""
    found = _host_keys(text if "//" in text else f"//{text}")
    return found[0].removeprefix("host:") if found else ""


def let_through(stopped_id: int) -> StoppedLink:
    """Take the warning away. Raises NotFound."""
    row = db.session.scalar(_open().where(StoppedLink.id == stopped_id))
    if row is None:
        raise NotFound("That warning")
    row.ended_at = now()
    db.session.flush()
    return row


def in_force(limit: int = 100) -> Sequence[StoppedLink]:
    """Newest first."""
    return db.session.scalars(_open().order_by(StoppedLink.id.desc()).limit(limit)).all()


def _open() -> sa.Select[StoppedLink]:
    return sa.select(StoppedLink).where(StoppedLink.ended_at.is_(None))
