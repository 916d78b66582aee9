"""The part of a take-out about the archive: what everybody may read, and where."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from app.campaigns.models import Archive, ArchivePage, FormerAddress
from app.core.db import db
from app.moving.parts import Scope, document, moment

_SETTINGS = (
    "slug", "by_default", "is_listed", "is_indexed", "can_tell", "intro", "privacy_url", "form_id",
)  # fmt: skip


@document(
    "archive.json",
    "Your archive: its settings, which campaigns everybody may read, and all their addresses.",
    covers=("archive", "archive_page", "archive_former_address"),
)
def archive(scope: Scope) -> dict[str, Any]:
    """{settings, pages, former_addresses}; settings are null where nothing was ever decided.

    Not taken in again: nothing becomes public in another place before its owner says so.
    """
    found = db.session.get(Archive, scope.account.id)
    pages = db.session.scalars(
        sa.select(ArchivePage)
        .where(ArchivePage.account_id == scope.account.id)
        .order_by(ArchivePage.campaign_id)
    )
    former = db.session.scalars(
        sa.select(FormerAddress)
        .where(FormerAddress.account_id == scope.account.id)
        .order_by(FormerAddress.id)
    )
    return {
        "settings": {name: getattr(found, name) for name in _SETTINGS} if found else None,
        "pages": [
            {
                "campaign_id": one.campaign_id, "slug": one.slug, "choice": one.choice,
                "is_public": one.is_public, "shown_at": moment(one.shown_at), "told": one.told,
            }
            for one in pages
        ],
        "former_addresses": [
            {"campaign_id": one.campaign_id, "slug": one.slug} for one in former
        ],
    }  # fmt: skip
