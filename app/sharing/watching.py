"""Public pages with links that the operator stopped: nobody gets past a warning this way."""

from __future__ import annotations

from app.campaigns.archive import copying, finding
from app.campaigns.archive.finding import Found
from app.core.errors import DomainError
from app.tracking import stopping


class Stopped(DomainError):
    """The operator lets nobody through to where this mail leads."""

    status = 410

    def __init__(self, reason: str) -> None:
        super().__init__(f"This mail leads to an address that was stopped here. {reason}")


def page(archive_slug: str, page_slug: str) -> Found:
    """As `finding.page`. Raises Stopped as well."""
    found = finding.page(archive_slug, page_slug)
    if reason := why(found):
        raise Stopped(reason)
    return found


def why(found: Found) -> str:
    """Why the mail is shown to nobody; empty where it is."""
    return stopping.why_campaign(found.campaign, copying.copy_of(found).links)
