"""Where a page can be shared: plain addresses of services, made here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, urlencode

from app.core import integrations
from app.core.integrations import Integration

Make = Callable[[str, str], str]
"""From the page's address and title to where a browser goes."""


def _query(base: str, **values: str) -> str:
    return f"{base}?{urlencode(values, quote_via=quote)}"


MAKERS: dict[str, Make] = {
    "whatsapp": lambda url, title: _query("https://wa.me/", text=f"{title} {url}"),
    "facebook": lambda url, title: _query("https://www.facebook.com/sharer/sharer.php", u=url),
    "linkedin": lambda url, title: _query(
        "https://www.linkedin.com/sharing/share-offsite/", url=url
    ),
    "bluesky": lambda url, title: _query("https://bsky.app/intent/compose", text=f"{title} {url}"),
    "mastodon": lambda url, title: (
        f"https://share.joinmastodon.org/#text={quote(f'{title} {url}', safe='')}"
    ),
    "x": lambda url, title: _query("https://x.com/intent/post", text=title, url=url),
}


def services() -> list[Integration]:
    """Those that a page offers, in the order of the list."""
    return [one for one in integrations.of_kind("share") if one.key in MAKERS]


def address(service: Integration, url: str, title: str) -> str:
    """Where a browser goes to share `url` there."""
    return MAKERS[service.key](url, title)


def by_mail(url: str, title: str) -> str:
    """For the visitor's own mail program; nothing goes through us."""
    return f"mailto:?subject={quote(title)}&body={quote(url)}"
