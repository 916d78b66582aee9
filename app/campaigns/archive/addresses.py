"""The public addresses of an archive and its pages: readable, changeable, never given away."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator

import sqlalchemy as sa

from app.campaigns import liquid
from app.campaigns.models import Archive, ArchivePage, Campaign, FormerAddress
from app.campaigns.places import LIQUID
from app.contacts.fields import key_for
from app.core import settings
from app.core.clock import now
from app.core.db import db
from app.core.errors import DomainError, Invalid

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
#: Addresses that mean something else.
TAKEN = frozenset({"latest", "feed", "feeds", "search"})
LONGEST, LONGEST_OF_PAGE = 60, 80
#: So many of one name are numbered; others get something by chance behind it.
NUMBERED = 6


def of_archive(archive: Archive) -> str:
    """The whole address of the list."""
    return f"{settings.get().BASE_URL}/archive/{archive.slug}"


def of_page(archive: Archive, page: ArchivePage) -> str:
    """The whole address of one mail."""
    return f"{of_archive(archive)}/{page.slug}"


def slug_for(words: str, *, longest: int) -> str:
    """Readable letters of a name: “Café & Bar” → cafe-bar; empty words → letter."""
    slug = key_for(LIQUID.sub(" ", words)).replace("_", "-").strip("-")
    if len(slug) > longest:
        slug = slug[:longest].rpartition("-")[0] or slug[:longest]
    return slug if slug and slug != "field" else "letter"


def free_for_archive(name: str) -> str:
    """An address that no archive has or had."""
    wanted = slug_for(name, longest=LONGEST)
    return next(slug for slug in _numbered(wanted) if not _archive_has(slug))


def free_for_page(campaign: Campaign) -> str:
    """An address that no page of the account has or had, from the subject."""
    wanted = slug_for(_neutral_subject(campaign), longest=LONGEST_OF_PAGE)
    return next(slug for slug in _numbered(wanted) if not _page_has(campaign, slug))


def _neutral_subject(campaign: Campaign) -> str:
    """As somebody reads it of whom nothing is known: with what merge tags fall back on."""
    values = {**liquid.contact_values(campaign.account, None), "links": {}}
    try:
        made = liquid.parse(campaign.subject, "header").render(values)
    except DomainError:
        made = LIQUID.sub(" ", campaign.subject)
    return made.strip() or campaign.name


def move_archive(archive: Archive, slug: str) -> None:
    """Another address; the one before leads on to it. Raises Invalid."""
    slug = _checked(slug, LONGEST)
    if slug == archive.slug:
        return
    if _archive_has(slug, but_for=archive.account_id):
        raise _refused("Somebody else has this address. Choose another one.")
    _forget_former(archive.account_id, None, slug)
    db.session.add(FormerAddress(account_id=archive.account_id, slug=archive.slug))
    archive.slug, archive.updated_at = slug, now()


def move_page(campaign: Campaign, page: ArchivePage, slug: str) -> None:
    """As `move_archive`, for the address of one mail. Raises Invalid."""
    slug = _checked(slug, LONGEST_OF_PAGE)
    if slug == page.slug:
        return
    if _page_has(campaign, slug):
        raise _refused("Another mail of yours has this address. Choose another one.")
    _forget_former(campaign.account_id, campaign.id, slug)
    if page.slug:
        db.session.add(
            FormerAddress(account_id=campaign.account_id, campaign_id=campaign.id, slug=page.slug)
        )
    page.slug, page.updated_at = slug, now()


def _checked(slug: str, longest: int) -> str:
    slug = slug.strip().lower()
    if not SLUG.fullmatch(slug) or len(slug) > longest:
        raise _refused(f"Use small letters, digits and single hyphens, at most {longest} of them.")
    if slug in TAKEN:
        raise _refused(f"“{slug}” means something else in addresses. Choose another one.")
    return slug


def _refused(text: str) -> Invalid:
    return Invalid(text, {"slug": [text]})


def _numbered(slug: str) -> Iterator[str]:
    if slug not in TAKEN:
        yield slug
    yield from (f"{slug}-{number}" for number in range(2, NUMBERED))
    while True:
        yield f"{slug}-{secrets.token_hex(3)}"


def _archive_has(slug: str, *, but_for: int = 0) -> bool:
    has = sa.select(Archive.account_id).where(Archive.slug == slug, Archive.account_id != but_for)
    had = sa.select(FormerAddress.account_id).where(
        FormerAddress.slug == slug,
        FormerAddress.campaign_id.is_(None),
        FormerAddress.account_id != but_for,
    )
    return db.session.scalar(sa.union_all(has, had).limit(1)) is not None


def _page_has(campaign: Campaign, slug: str) -> bool:
    has = sa.select(ArchivePage.campaign_id).where(
        ArchivePage.account_id == campaign.account_id,
        ArchivePage.slug == slug,
        ArchivePage.campaign_id != campaign.id,
    )
    had = sa.select(FormerAddress.campaign_id).where(
        FormerAddress.account_id == campaign.account_id,
        FormerAddress.slug == slug,
        FormerAddress.campaign_id.is_not(None),
        FormerAddress.campaign_id != campaign.id,
    )
    return db.session.scalar(sa.union_all(has, had).limit(1)) is not None


def _forget_former(account_id: int, campaign_id: int | None, slug: str) -> None:
    """Going back to an address that one had: it does not lead on to itself."""
    db.session.execute(
        sa.delete(FormerAddress).where(
            FormerAddress.account_id == account_id,
            FormerAddress.slug == slug,
            FormerAddress.campaign_id == campaign_id
            if campaign_id
            else FormerAddress.campaign_id.is_(None),
        )
    )
