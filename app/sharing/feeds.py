"""An archive for feed readers: Atom (RFC 4287) and JSON Feed 1.1, with pages (RFC 5005)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

from app.campaigns.archive import addresses, copying
from app.campaigns.archive.finding import Found, Shelf
from app.core import settings
from app.core.errors import DomainError
from app.sharing import watching

#: A reader asks for these again and again, and each is filled in anew.
SIZE = 10
LANGUAGE = "en"


@dataclass(frozen=True)
class Entry:
    """One mail."""

    id: str
    """Stays the same when the address changes."""
    url: str
    title: str
    summary: str
    html: str
    """Cleaned: readers put it into their own pages."""
    published: datetime
    updated: datetime


@dataclass(frozen=True)
class Feed:
    """What a reader needs; addresses are whole."""

    title: str
    about: str
    id: str
    home: str
    here: str
    next: str
    entries: Sequence[Entry]


def entry_of(found: Found) -> Entry:
    """Its content; where it cannot be filled in, title and link alone."""
    domain = settings.get().MAIL_DOMAIN
    try:
        copy = copying.copy_of(found)
        html, summary = "" if watching.why(found) else _cleaned(copy.html), copy.summary
    except DomainError:
        html, summary = "", copying.summary_of(found)
    return Entry(
        id=f"tag:{domain},{found.page.shown_at:%Y-%m-%d}:archive/{found.campaign.id}",
        url=addresses.of_page(found.archive, found.page),
        title=copying.subject_of(found),
        summary=summary,
        html=html,
        published=found.page.shown_at,
        updated=max(found.page.shown_at, found.page.updated_at),
    )


def _cleaned(html: str) -> str:
    """Nothing that runs or loads by itself, and not the title, which the entry has already."""
    import nh3  # only feeds need it

    return nh3.clean(html, clean_content_tags={"script", "style", "title"}).strip()


def make(shelf: Shelf, found: Sequence[Found], *, here: str, following: str) -> Feed:
    """`here` and `following` are the whole addresses of this page and the next; empty for none."""
    domain = settings.get().MAIL_DOMAIN
    return Feed(
        title=shelf.account.name,
        about=shelf.archive.intro,
        id=f"tag:{domain},{shelf.archive.created_at:%Y-%m-%d}:archive/of/{shelf.account.id}",
        home=addresses.of_archive(shelf.archive),
        here=here,
        next=following,
        entries=[entry_of(one) for one in found],
    )


def as_atom(feed: Feed) -> str:
    """application/atom+xml"""
    updated = max((one.updated for one in feed.entries), default=None)
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="{LANGUAGE}">',
        f"<id>{_text(feed.id)}</id>",
        f"<title>{_text(feed.title)}</title>",
        f"<updated>{_moment(updated) if updated else '1970-01-01T00:00:00Z'}</updated>",
        f"<author><name>{_text(feed.title)}</name></author>",
        f'<link rel="self" type="application/atom+xml" href={_quoted(feed.here)}/>',
        f'<link rel="alternate" type="text/html" href={_quoted(feed.home)}/>',
    ]
    if feed.about:
        lines.append(f"<subtitle>{_text(feed.about)}</subtitle>")
    if feed.next:
        lines.append(f'<link rel="next" href={_quoted(feed.next)}/>')
    for one in feed.entries:
        lines += [
            "<entry>",
            f"<id>{_text(one.id)}</id>",
            f"<title>{_text(one.title)}</title>",
            f'<link rel="alternate" type="text/html" href={_quoted(one.url)}/>',
            f"<published>{_moment(one.published)}</published>",
            f"<updated>{_moment(one.updated)}</updated>",
            f"<summary>{_text(one.summary)}</summary>",
            *([f'<content type="html">{_text(one.html)}</content>'] if one.html else []),
            "</entry>",
        ]
    return "\n".join([*lines, "</feed>", ""])


def as_json(feed: Feed) -> str:
    """application/feed+json"""
    made = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.home,
        "feed_url": feed.here,
        "language": LANGUAGE,
        "authors": [{"name": feed.title}],
        **({"description": feed.about} if feed.about else {}),
        **({"next_url": feed.next} if feed.next else {}),
        "items": [
            {
                "id": one.id,
                "url": one.url,
                "title": one.title,
                "summary": one.summary,
                # One of the two has to be there.
                **({"content_html": one.html} if one.html else {"content_text": one.summary}),
                "date_published": _moment(one.published),
                "date_modified": _moment(one.updated),
            }
            for one in feed.entries
        ],
    }
    return json.dumps(made, ensure_ascii=False, indent=1)


def _moment(value: datetime) -> str:
    return f"{value:%Y-%m-%dT%H:%M:%SZ}"


def _text(value: str) -> str:
    return escape(_printable(value))


def _quoted(value: str) -> str:
    return quoteattr(_printable(value))


def _printable(value: str) -> str:
    """Without signs that XML cannot hold."""
    return "".join(
        sign for sign in value
        if sign in "\t\n\r" or (sign >= " " and not "\ud800" <= sign <= "\udfff"
                                and sign not in "\ufffe\uffff")
    )  # fmt: skip
