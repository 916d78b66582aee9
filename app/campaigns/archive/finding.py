"""What visitors find: by address, newest first, in pages whose cost does not grow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from app.accounts import standing
from app.accounts.models import Account
from app.campaigns.archive import deciding
from app.campaigns.models import Archive, ArchivePage, Campaign, FormerAddress
from app.contacts.models import SignUpForm
from app.core.db import db
from app.core.errors import DomainError, NotFound
from app.core.pagination import Page, cut, decode

PAGE_SIZE = 20


class Moved(Exception):
    """It is somewhere else now: the slugs of archive and page."""

    def __init__(self, archive: str, page: str = "") -> None:
        super().__init__(archive, page)
        self.archive, self.page = archive, page


class TakenDown(DomainError):
    """It was to be read here once."""

    status = 410

    def __init__(self) -> None:
        super().__init__("The sender does not show this mail any more.")


@dataclass(frozen=True)
class Found:
    """One mail that everybody may read."""

    account: Account
    archive: Archive
    page: ArchivePage
    campaign: Campaign


@dataclass(frozen=True)
class Shelf:
    """An archive with its account."""

    account: Account
    archive: Archive


def shelf(slug: str) -> Shelf:
    """By its address, whether listed or not. Raises NotFound, Moved.

    An account that is suspended or being closed shows nothing, and gives no reason.
    """
    row = db.session.execute(
        sa.select(Account, Archive)
        .join(Archive, Archive.account_id == Account.id)
        .where(Archive.slug == slug, standing.shown())
    ).first()
    if row is not None:
        return Shelf(*row)
    now_at = db.session.scalar(
        sa.select(Archive.slug)
        .join(FormerAddress, FormerAddress.account_id == Archive.account_id)
        .join(Account, Account.id == Archive.account_id)
        .where(FormerAddress.slug == slug, FormerAddress.campaign_id.is_(None), standing.shown())
        .order_by(FormerAddress.id.desc())
        .limit(1)
    )
    if now_at:
        raise Moved(now_at)
    raise NotFound("This archive")


def listed(slug: str) -> Shelf:
    """As `shelf`, where there is a list. Raises NotFound, Moved."""
    found = shelf(slug)
    if not found.archive.is_listed:
        raise NotFound("This archive")
    return found


def page(archive_slug: str, page_slug: str) -> Found:
    """Raises NotFound, Moved, TakenDown."""
    try:
        found = shelf(archive_slug)
    except Moved as moved:
        raise Moved(moved.archive, page_slug) from None
    row = db.session.execute(
        sa.select(ArchivePage, Campaign)
        .join(Campaign, Campaign.id == ArchivePage.campaign_id)
        .where(ArchivePage.account_id == found.account.id, ArchivePage.slug == page_slug)
    ).first()
    if row is None:
        raise _elsewhere(found, page_slug)
    if not deciding.is_shown(row.Campaign, row.ArchivePage):
        if row.Campaign.state in deciding.OUT:
            raise TakenDown
        raise NotFound("This mail")
    return Found(found.account, found.archive, row.ArchivePage, row.Campaign)


def newest(
    found: Shelf, *, text: str = "", cursor: str | None = None, limit: int = PAGE_SIZE
) -> Page[Found]:
    """Those that everybody may read; `text` is looked for in subjects and preheaders."""
    query = _shown(found.account.id)
    if text:
        query = query.where(
            sa.or_(
                Campaign.subject.icontains(text, autoescape=True),
                Campaign.preheader.icontains(text, autoescape=True),
            )
        )
    if key := decode(cursor):
        at, campaign_id = key.moment(0), key.number(1)
        query = query.where(
            sa.tuple_(ArchivePage.shown_at, ArchivePage.campaign_id)
            < sa.tuple_(sa.literal(at, ArchivePage.shown_at.type), sa.literal(campaign_id))
        )
    rows = db.session.execute(query.limit(limit + 1)).all()
    items = [Found(found.account, found.archive, row.ArchivePage, row.Campaign) for row in rows]
    return cut(items, limit, lambda one: [one.page.shown_at.isoformat(), one.campaign.id])


def beside(found: Found) -> tuple[Found | None, Found | None]:
    """The mails before and after this one."""
    here = (found.page.shown_at, found.page.campaign_id)
    key = sa.tuple_(ArchivePage.shown_at, ArchivePage.campaign_id)
    there = sa.tuple_(sa.literal(here[0], ArchivePage.shown_at.type), sa.literal(here[1]))
    older = _shown(found.account.id).where(key < there)
    newer = _shown(found.account.id).where(key > there)
    newer = newer.order_by(None).order_by(ArchivePage.shown_at, ArchivePage.campaign_id)
    rows = [db.session.execute(query.limit(1)).first() for query in (older, newer)]
    before, after = (
        Found(found.account, found.archive, row.ArchivePage, row.Campaign) if row else None
        for row in rows
    )
    return before, after


def latest(found: Shelf) -> Found:
    """Raises NotFound where there is none."""
    items: Sequence[Found] = newest(found, limit=1).items
    if not items:
        raise NotFound("A mail of this archive")
    return items[0]


def form_slug(archive: Archive) -> str:
    """The address of the form that readers sign up with; empty where none is open."""
    is_open = (
        SignUpForm.account_id == archive.account_id,
        SignUpForm.is_open,
        SignUpForm.archived_at.is_(None),
    )
    chosen = sa.case((SignUpForm.id == (archive.form_id or 0), 0), else_=1)
    query = sa.select(SignUpForm.slug).where(*is_open)
    return db.session.scalar(query.order_by(chosen, SignUpForm.id.desc()).limit(1)) or ""


def _shown(account_id: int) -> sa.Select[ArchivePage, Campaign]:
    return (
        sa.select(ArchivePage, Campaign)
        .join(Campaign, Campaign.id == ArchivePage.campaign_id)
        .where(
            ArchivePage.account_id == account_id,
            ArchivePage.is_public,
            Campaign.state.in_(deciding.OUT),
        )
        .order_by(ArchivePage.shown_at.desc(), ArchivePage.campaign_id.desc())
    )


def _elsewhere(found: Shelf, page_slug: str) -> Exception:
    now_at = db.session.scalar(
        sa.select(ArchivePage.slug)
        .join(FormerAddress, FormerAddress.campaign_id == ArchivePage.campaign_id)
        .where(FormerAddress.account_id == found.account.id, FormerAddress.slug == page_slug)
        .order_by(FormerAddress.id.desc())
        .limit(1)
    )
    return Moved(found.archive.slug, now_at) if now_at else NotFound("This mail")
