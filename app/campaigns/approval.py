"""How far the approval of a campaign has come. Pure reading; `approving` has the verbs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from app.accounts.models import Member
from app.campaigns.models import Campaign, CampaignApproval
from app.core.db import db


@dataclass(frozen=True)
class Standing:
    """How far approval has come for the version that is there now."""

    is_needed: bool
    state: str
    """open: nobody has been asked; asked; given; changed: since it was given; declined."""
    row: CampaignApproval | None = None
    asked_by: str = ""
    said_by: str = ""

    @property
    def is_given(self) -> bool:
        """Whether it may go out, as far as this is concerned."""
        return not self.is_needed or self.state == "given"


def of(campaign: Campaign) -> Standing:
    """For pages and the pre-flight."""
    needed = campaign.account.needs_approval and campaign.kind == "campaign"
    # What is not stored yet, as the text of a welcome mail, has no id.
    if not sa.inspect(campaign).has_identity:
        return Standing(needed, "open")
    row = db.session.get(CampaignApproval, campaign.id, populate_existing=True)
    if row is None:
        return Standing(needed, "open")
    names = _names(one for one in (row.asked_by_id, row.said_by_id) if one)
    return Standing(
        needed, _state(campaign, row), row,
        asked_by=names.get(row.asked_by_id or 0, "somebody"),
        said_by=names.get(row.said_by_id or 0, "somebody"),
    )  # fmt: skip


def _state(campaign: Campaign, row: CampaignApproval) -> str:
    about_this = row.said_version == campaign.version
    # Nobody's own yes counts, wherever it may come from.
    if about_this and row.said == "yes" and row.said_by_id != campaign.written_by_id:
        return "given"
    if about_this and row.said == "no":
        return "declined"
    asked_at, said_at = row.asked_at, row.said_at
    if asked_at and (said_at is None or asked_at > said_at):
        return "asked"
    return "changed" if row.said == "yes" else "open"


def _names(ids: Iterable[int]) -> dict[int, str]:
    query = sa.select(Member.id, Member.name, Member.email).where(Member.id.in_(list(ids)))
    return {row.id: row.name or row.email for row in db.session.execute(query)}
