"""What the owner decides: for all mails, and for one of them, before it leaves and afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from app.accounts.models import Account
from app.campaigns.archive import addresses
from app.campaigns.models import Archive, ArchivePage, Campaign
from app.core.clock import now
from app.core.db import db, insert
from app.core.errors import Invalid, WrongState

CHOICES = ("", "yes", "no")
#: States in which a mail has begun to leave, so that everybody may read it.
OUT = ("sending", "paused", "sent")
LONGEST_INTRO = 1_000


@dataclass(frozen=True)
class Wishes:
    """The settings of an archive."""

    slug: str
    by_default: bool
    is_listed: bool
    is_indexed: bool
    can_tell: bool
    intro: str = ""
    privacy_url: str = ""
    form_id: int | None = None


def of_account(account_id: int) -> Archive | None:
    """The archive, if anything was ever decided about it."""
    return db.session.get(Archive, account_id)


def page_of(campaign: Campaign) -> ArchivePage | None:
    """What was decided about one mail."""
    return db.session.get(ArchivePage, campaign.id)


def opened(account: Account) -> Archive:
    """The account's archive, made where there is none; one, however many come at once."""
    while (archive := of_account(account.id)) is None:
        slug = addresses.free_for_archive(account.name)
        row = insert(Archive).values(account_id=account.id, slug=slug)
        # Somebody else may be as quick, or take the address.
        db.session.execute(row.on_conflict_do_nothing())
    return archive


def change(account: Account, wishes: Wishes) -> Archive:
    """Save the settings. What is public already stays so. Raises Invalid."""
    archive = opened(account)
    if wishes.privacy_url and not _is_web_page(wishes.privacy_url):
        text = "Give the whole address, beginning with https://."
        raise Invalid(text, {"privacy_url": [text]})
    addresses.move_archive(archive, wishes.slug)
    archive.by_default = wishes.by_default
    archive.is_listed = wishes.is_listed
    archive.is_indexed = wishes.is_indexed
    archive.can_tell = wishes.can_tell
    archive.intro = wishes.intro.strip()[:LONGEST_INTRO]
    archive.privacy_url = wishes.privacy_url
    archive.form_id = wishes.form_id
    archive.updated_at = now()
    return archive


def decide(campaign: Campaign, choice: str) -> ArchivePage:
    """yes, no, or empty: as the archive does. At once for what has left. Raises Invalid."""
    if choice not in CHOICES:
        raise Invalid("Choose whether everybody may read it.")
    if campaign.kind != "campaign":
        raise WrongState("Only campaigns can be shown, not the welcome mail of a form.")
    page = _opened_page(campaign)
    page.choice, page.updated_at = choice, now()
    if campaign.state == "draft":
        page.is_public = False
    else:
        _settle(campaign, page, campaign.started_at or campaign.due_at or now())
    db.session.flush()
    return page


def going_out(campaign: Campaign, at: datetime) -> None:
    """The campaign has a time: its page gets its address, for the links in the mail."""
    if page_of(campaign) is None and not wanted(campaign):
        return
    _settle(campaign, _opened_page(campaign), at)
    db.session.flush()


def wanted(campaign: Campaign) -> bool:
    """Whether everybody may read it once it has begun to leave."""
    if campaign.kind != "campaign" or campaign.is_sample:
        return False
    page, archive = page_of(campaign), of_account(campaign.account_id)
    if page is not None and page.choice:
        return page.choice == "yes"
    return archive is not None and archive.by_default


def is_shown(campaign: Campaign, page: ArchivePage | None) -> bool:
    """Whether everybody can read it now."""
    return page is not None and page.is_public and campaign.state in OUT


def link_of(campaign: Campaign) -> str:
    """The public address for the mail itself; empty where it is not to be shown."""
    page = page_of(campaign)
    if page is None or not page.is_public:
        return ""
    archive = of_account(campaign.account_id)
    return addresses.of_page(archive, page) if archive and page.slug else ""


def _opened_page(campaign: Campaign) -> ArchivePage:
    if (page := page_of(campaign)) is not None:
        return page
    row = insert(ArchivePage).values(campaign_id=campaign.id, account_id=campaign.account_id)
    db.session.execute(row.on_conflict_do_nothing())
    return db.session.get_one(ArchivePage, campaign.id)


def _settle(campaign: Campaign, page: ArchivePage, at: datetime) -> None:
    page.is_public, page.shown_at, page.updated_at = wanted(campaign), at, now()
    if page.is_public:
        opened(campaign.account)
        page.slug = page.slug or addresses.free_for_page(campaign)


def _is_web_page(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" and bool(parts.hostname) and url.isprintable() and " " not in url
