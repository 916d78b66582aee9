"""Where a click goes: a stored Link, never an address from the request."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from werkzeug.urls import iri_to_uri

from app.campaigns import liquid
from app.campaigns.models import Campaign
from app.contacts.models import Contact
from app.core.db import db
from app.core.errors import NotFound
from app.delivery.models import Delivery, Link
from app.tracking import stopping

#: How long a process trusts what it read; then it looks again, and keeps the old while it cannot.
#: So long a link that the operator stopped may still lead on.
TRUST_S = 2.0
MOST = 50_000
_CONTROL = re.compile(r"[\x00-\x20\x7f]")


@dataclass(frozen=True)
class Target:
    """A Link as far as a click needs it."""

    link_id: int
    campaign_id: int
    url: str
    is_filled_in: bool
    """Whether merge tags stand in it, so that it differs from person to person."""
    location: str = ""
    """As the header says it, in ASCII; empty where it differs from person to person, and where
    the operator stopped it."""
    stopped: str = ""
    """Why the operator lets nobody through any more; empty for nearly all."""


_cache: dict[int, tuple[float, Target]] = {}
_choosing = threading.Lock()


def target(link_id: int) -> Target:
    """The stored link; from memory for a while. Raises NotFound, OperationalError."""
    kept, is_ours = _look_up(link_id)
    if kept and not is_ours:
        return kept
    try:
        found = _read(link_id)
    except NotFound:
        _cache.pop(link_id, None)
        raise
    except Exception:
        if kept:
            return kept
        raise
    if len(_cache) >= MOST:
        _cache.clear()
    _cache[link_id] = (time.monotonic() + TRUST_S, found)
    return found


def _look_up(link_id: int) -> tuple[Target | None, bool]:
    """What is known, and whether the caller is to read it anew.

    Of all who come while it is old, one is; the others trust it once more. So neither a storm of
    clicks nor a database that is away is asked for each click.
    """
    moment = time.monotonic()
    with _choosing:
        until, kept = _cache.get(link_id, (0.0, None))
        if kept is None or until > moment:
            return kept, kept is None
        _cache[link_id] = (moment + TRUST_S, kept)
    return kept, True


def known_location(link_id: int) -> str:
    """Where a link leads everybody, if this process knows it by now; else nothing."""
    kept = _cache.get(link_id)
    return kept[1].location if kept and kept[0] > time.monotonic() else ""


def forget() -> None:
    """Look everything up again."""
    _cache.clear()


def address_for(found: Target, delivery_id: int) -> str:
    """Where this recipient goes. Raises NotFound where it would be no web address."""
    if not found.is_filled_in:
        return found.url
    delivery = db.session.get(Delivery, delivery_id) if delivery_id else None
    if delivery is not None and delivery.campaign_id != found.campaign_id:
        raise NotFound("This page")
    campaign = db.session.get_one(Campaign, found.campaign_id)
    contact = db.session.get(Contact, delivery.contact_id or 0) if delivery else None
    values = liquid.contact_values(campaign.account, contact)
    filled = liquid.parse(found.url, "url").render(values)
    # A person's data may change the path, never the host.
    if not is_web_address(filled) or _site(filled) != _site(found.url):
        raise NotFound("This page")
    return filled


def is_web_address(url: str) -> bool:
    """Whether a browser may be sent there: http or https with a host, one line, no tricks."""
    if _CONTROL.search(url) or "\\" in url.split("?")[0]:
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _read(link_id: int) -> Target:
    link = db.session.get(Link, link_id, populate_existing=True)
    if link is None:
        raise NotFound("This page")
    url = link.url.strip()
    is_filled_in = "{{" in url or "{%" in url
    if not is_filled_in and not is_web_address(url):
        raise NotFound("This page")
    stopped = stopping.why(link.id, link.campaign_id, url)
    location = "" if is_filled_in or stopped else iri_to_uri(url)
    return Target(link.id, link.campaign_id, url, is_filled_in, location, stopped)


def _site(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
