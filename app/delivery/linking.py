"""The links of a campaign: found in its content once, kept as rows, counted when followed.

Start tags are rewritten in place at the positions where the parser found them; nothing else of
the owner's HTML changes.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser

import sqlalchemy as sa

from app.campaigns.content import Content
from app.campaigns.models import Campaign
from app.campaigns.places import scan
from app.campaigns.protecting import Protected
from app.core.db import db
from app.delivery.models import Link

#: Only web addresses whose host is fixed; merge tags may stand behind the host.
_TRACKABLE = re.compile(r"https?://[^\s/?#{}@]+(?:[/?#]|$)", re.IGNORECASE)
_HREF = re.compile(r"""(\shref\s*=\s*)("[^"]*"|'[^']*'|[^\s>"']+)""", re.IGNORECASE)
_IN_TEXT = re.compile(r"https?://[^\s<>\"\u201c\u201d]+", re.IGNORECASE)
_TRAILING = ".,;:!?)]}'"
LONGEST_LABEL = 200

Rename = Callable[[str], str | None]
"""From an address to what stands in its place; None leaves it."""


@dataclass(frozen=True)
class Found:
    """A link as the owner wrote it."""

    url: str
    label: str


def find(content: Content, *, filled_in: bool = True) -> list[Found]:
    """Every trackable address once, in the order of reading. `filled_in`: with merge tags too."""
    found: dict[str, Found] = {}

    def note(url: str, label: str) -> None:
        if filled_in or not ("{{" in url or "{%" in url):
            found.setdefault(url, Found(url, label))

    protected, anchors = _anchors(content.html)
    for anchor in anchors:
        if url := _address(protected, anchor.href):
            note(url, " ".join(protected.restore(anchor.label).split())[:LONGEST_LABEL])
    text = Protected(content.text)
    for match in _IN_TEXT.finditer(text.source):
        url = text.restore(match[0].rstrip(_TRAILING))
        if _TRACKABLE.match(url):
            note(url, "")
    return list(found.values())


def keep(campaign: Campaign, content: Content) -> None:
    """Write the rows that are missing; a campaign's links are fixed once it is planned."""
    present = {link.url for link in rows(campaign.id)}
    wanted = find(content, filled_in=campaign.tracking == "individual")
    missing = [one for one in wanted if one.url not in present]
    for position, one in enumerate(missing, start=len(present) + 1):
        db.session.add(
            Link(campaign_id=campaign.id, position=position, url=one.url, label=one.label)
        )
    db.session.flush()


def rows(campaign_id: int) -> list[Link]:
    """The kept links, in order."""
    query = sa.select(Link).where(Link.campaign_id == campaign_id).order_by(Link.position)
    return list(db.session.scalars(query))


def rewrite_html(source: str, rename: Rename) -> str:
    """Put other addresses into the links; all else stays as it is, byte for byte."""
    protected, anchors = _anchors(source)
    made = protected.source
    for anchor in reversed(anchors):
        url = _address(protected, anchor.href)
        new = rename(url) if url else None
        if new is not None:
            made = made[: anchor.start] + f'"{new}"' + made[anchor.end :]
    return protected.restore(made)


def rewrite_text(source: str, rename: Rename) -> str:
    """The same for the plain-text part."""
    protected = Protected(source)

    def change(match: re.Match[str]) -> str:
        bare = match[0].rstrip(_TRAILING)
        url = protected.restore(bare)
        new = rename(url) if _TRACKABLE.match(url) else None
        return match[0] if new is None else new + match[0][len(bare) :]

    return protected.restore(_IN_TEXT.sub(change, protected.source))


def with_beacon(source: str, image: str) -> str:
    """Add an image as the last thing of the body."""
    at = len(source)
    for name, begin, _ in scan(source).tags:
        if name == "</body":
            at = begin
    return source[:at] + image + source[at:]


def _address(protected: Protected, href: str) -> str | None:
    """What a href means, merge tags put back; None where it is not tracked."""
    url = protected.restore(html.unescape(href)).strip()
    return url if _TRACKABLE.match(url) else None


@dataclass
class _Anchor:
    start: int
    """Where the value of href begins in the source, quotes included."""
    end: int
    href: str
    label: str = ""


def _anchors(source: str) -> tuple[Protected, list[_Anchor]]:
    protected = Protected(source, comments=True)
    parser = _Parser(protected.source)
    parser.feed(protected.source)
    parser.close()
    return protected, parser.anchors


class _Parser(HTMLParser):
    """Finds <a href> and <area href> with their places."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.anchors: list[_Anchor] = []
        self._inside: _Anchor | None = None
        self._lines = [0]
        for match in re.finditer(r"\n", source):
            self._lines.append(match.end())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img" and self._inside is not None:
            self._inside.label += f" {dict(attrs).get('alt') or ''}"
        if tag not in ("a", "area"):
            return
        text = self.get_starttag_text() or ""
        found = _HREF.search(text)
        if found is None:
            return
        line, column = self.getpos()
        start = self._lines[line - 1] + column + found.start(2)
        anchor = _Anchor(start, start + len(found[2]), found[2].strip("\"'"))
        self.anchors.append(anchor)
        self._inside = anchor if tag == "a" else self._inside

    def handle_data(self, data: str) -> None:
        if self._inside is not None:
            self._inside.label += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._inside = None
