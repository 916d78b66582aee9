"""The copy of a mail that everybody may read: neutral, and without anything that counts.

Merge tags show what they show to somebody of whom nothing is known. Links lead where the owner
wrote them, not past a counter; what would take one person off a list leads to signing up instead.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any

from lxml import html as lxml_html

from app.campaigns import content, liquid
from app.campaigns.archive import addresses, finding
from app.campaigns.archive.finding import Found
from app.campaigns.places import scan
from app.core import settings

#: Finished copies that a process keeps, and how long one may be for that.
KEPT, LONGEST_KEPT = 32, 300_000
#: Pictures smaller than this are lines and marks, no picture of the mail.
SMALLEST_PICTURE = 200
LONGEST_SUMMARY = 200
#: Links of the mail open beside the page that shows it: inside its frame nothing may go anywhere.
BASE = '<base target="_blank">'
_PERSONAL = ("unsubscribe", "preferences", "why")


#: Letters in a line of a phone, and rows of text that a small frame shows, the footer among them.
PHONE_LINE, SHORT_ROWS = 36, 16


@dataclass(frozen=True)
class Copy:
    """Everything filled in."""

    subject: str
    summary: str
    """The preheader, or how the text begins."""
    html: str
    text: str
    picture: str
    """The address of its first large picture; empty where there is none."""
    links: tuple[str, ...] = ()
    """Where it leads, each address once."""

    @property
    def is_short(self) -> bool:
        """Whether a phone shows it without turning: few lines of words, and no picture."""
        rows = sum(max(1, -(-len(line) // PHONE_LINE)) for line in self.text.splitlines())
        return rows <= SHORT_ROWS and "<img" not in self.html


_made: OrderedDict[tuple[Any, ...], Copy] = OrderedDict()
_lock = Lock()


def copy_of(found: Found) -> Copy:
    """Raises Invalid or RenderFailed where the source cannot be filled in."""
    campaign, account = found.campaign, found.account
    links = _links(found)
    key = (
        campaign.id, campaign.version, campaign.updated_at, account.name, account.address,
        *links.values(),
    )  # fmt: skip
    with _lock:
        if key in _made:
            _made.move_to_end(key)
            return _made[key]
    made = _filled_in(found, links)
    if len(made.html) <= LONGEST_KEPT:
        with _lock:
            _made[key] = made
            while len(_made) > KEPT:
                _made.popitem(last=False)
    return made


def subject_of(found: Found) -> str:
    """The subject alone, for lists."""
    values = liquid.contact_values(found.account, None)
    made = liquid.parse(found.campaign.subject, "header").render({**values, "links": {}})
    return " ".join(made.split()) or found.campaign.name


def summary_of(found: Found) -> str:
    """The preheader alone, for lists."""
    values = liquid.contact_values(found.account, None)
    made = liquid.parse(found.campaign.preheader, "header").render({**values, "links": {}})
    return " ".join(made.split())


def sign_up_link(found: Found | finding.Shelf) -> str:
    """Where readers go who want the next one."""
    slug = finding.form_slug(found.archive)
    if slug:
        return f"{settings.get().BASE_URL}/f/{slug}"
    return addresses.of_archive(found.archive) if found.archive.is_listed else ""


def _links(found: Found) -> dict[str, str]:
    page = addresses.of_page(found.archive, found.page)
    sign_up = sign_up_link(found) or page
    return {
        **dict.fromkeys(_PERSONAL, sign_up),
        "signup": sign_up,
        "browser": page,
        "archive": page,
        "share": f"{page}#share",
        "friend": f"{page}/tell",
    }


def _filled_in(found: Found, links: dict[str, str]) -> Copy:
    made = content.compile_for_all(found.campaign)
    values = {**liquid.contact_values(found.account, None), "links": links}
    html = liquid.parse(made.html).render(values)
    text = liquid.parse(made.text, "text").render(values)
    return Copy(
        subject=subject_of(found),
        summary=summary_of(found) or _beginning(text),
        html=_with_base(html),
        text=text,
        picture=_first_picture(html),
        links=_links_in(html),
    )


def _beginning(text: str) -> str:
    # In plain text a link is "words (address)": the brackets go with the address.
    told = re.sub(r"\s*\(https?://\S*\)", "", text.partition("\n-- ")[0])
    words = " ".join(re.sub(r"https?://\S+|[*_#>|]+", " ", told).split())
    if len(words) <= LONGEST_SUMMARY:
        return words
    return words[:LONGEST_SUMMARY].rpartition(" ")[0] + " …"


def _with_base(html: str) -> str:
    # The first one counts, whatever an owner wrote further down.
    for name, _, end in scan(html).tags:
        if name in ("<head", "<body"):
            return html[:end] + BASE + html[end:]
    return BASE + html


def _first_picture(html: str) -> str:
    for image in lxml_html.document_fromstring(html).iter("img"):
        source, width = (image.get("src") or "").strip(), image.get("width") or ""
        is_small = width.isdecimal() and int(width) < SMALLEST_PICTURE
        if source.startswith("https://") and not is_small:
            return source
    return ""


def _links_in(html: str) -> tuple[str, ...]:
    found = (a.get("href") or "" for a in lxml_html.document_fromstring(html).iter("a", "area"))
    return tuple(dict.fromkeys(url for url in map(str.strip, found) if url.startswith("http")))
