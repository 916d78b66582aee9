"""Approval: in accounts that ask for it, somebody else than the writer says yes before sending.

What is said is said about one version. Whoever changes the campaign afterwards makes it void, by
the version alone; `scheduling` sends the version that was looked at, or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from app.accounts import auditing, notices, rights
from app.accounts.models import Account, Member, Membership
from app.campaigns.models import Campaign, CampaignApproval
from app.core import settings
from app.core.clock import now
from app.core.db import db
from app.core.errors import Forbidden, Invalid, WrongState

LONGEST = 1000
RIGHT = "campaigns.approve"


class NobodyElse(WrongState):
    """There is no other person who could approve."""

    def __init__(self) -> None:
        super().__init__(
            "Nobody else here may approve campaigns. The owner can give somebody that right "
            "under Settings, People."
        )


class Moved(WrongState):
    """The campaign is another one than the one that was looked at."""

    def __init__(self) -> None:
        super().__init__(
            "The campaign was changed since you opened this page. Look at it once more."
        )


def ask(campaign: Campaign, by: Member, words: str = "") -> int:
    """Mail everybody who may approve it; returns how many. Raises NobodyElse, WrongState."""
    _demand_draft(campaign, None)
    others = approvers(campaign)
    if not others:
        raise NobodyElse
    row = _row(campaign)
    row.asked_version, row.asked_by_id, row.asked_at = campaign.version, by.id, now()
    row.request = _clean(words)
    for other in others:
        if other.id != by.id:
            _tell(campaign, "approval_asked", other, who=by, words=row.request)
    auditing.note(campaign.account, by, "campaign.ask_approval", _about(campaign))
    return len(others)


def give(campaign: Campaign, by: Member, version: int) -> None:
    """Say yes to a version. Raises Forbidden to its writer, Moved, WrongState."""
    _demand_draft(campaign, version)
    if campaign.written_by_id == by.id:
        raise Forbidden("You wrote this version yourself. Somebody else has to approve it.")
    _say(campaign, by, "yes", "")
    auditing.note(campaign.account, by, "campaign.approve", _about(campaign))


def decline(campaign: Campaign, by: Member, version: int, words: str) -> None:
    """Send it back with a reason. Raises Invalid without one, Moved, WrongState."""
    reason = _clean(words)
    if not reason:
        raise Invalid("Say what should be different.", {"words": ["Say what should be different."]})
    _demand_draft(campaign, version)
    _say(campaign, by, "no", reason)
    auditing.note(campaign.account, by, "campaign.decline", _about(campaign))


def approvers(campaign: Campaign) -> list[Member]:
    """Who may approve the version that is there now."""
    found = able(campaign.account, RIGHT)
    return [member for member in found if member.id != campaign.written_by_id]


def able(account: Account, right: str) -> list[Member]:
    """Everybody in an account who has a right."""
    rows = db.session.execute(
        sa.select(Membership, Member)
        .join(Member, Member.id == Membership.member_id)
        .where(Membership.account_id == account.id)
        .order_by(Membership.id)
    )
    return [member for place, member in rows if right in rights.of(place)]


def waiting(account: Account, member: Member, limit: int = 20) -> Sequence[Campaign]:
    """Drafts whose approval was asked for and that this person may approve, oldest first."""
    later = sa.or_(
        CampaignApproval.said_at.is_(None), CampaignApproval.asked_at > CampaignApproval.said_at
    )
    return db.session.scalars(
        sa.select(Campaign)
        .join(CampaignApproval, CampaignApproval.campaign_id == Campaign.id)
        .where(
            CampaignApproval.account_id == account.id,
            CampaignApproval.asked_at.is_not(None),
            later,
            Campaign.state == "draft",
            Campaign.written_by_id.is_distinct_from(member.id),
        )
        .order_by(CampaignApproval.asked_at)
        .limit(limit)
    ).all()


def demand(account: Account, by: Member, *, wanted: bool) -> None:
    """Whether nothing is sent there before somebody else has approved it."""
    if wanted and len(able(account, RIGHT)) < 1 + _is_alone(account):
        raise NobodyElse
    if account.needs_approval != wanted:
        account.needs_approval = wanted
        auditing.note(account, by, "account.approval", "on" if wanted else "off")


def _is_alone(account: Account) -> bool:
    """With one person there is nobody to approve what they write."""
    query = sa.select(sa.func.count()).where(Membership.account_id == account.id)
    return (db.session.scalar(query) or 0) < 2


def _say(campaign: Campaign, by: Member, said: str, reason: str) -> None:
    row = _row(campaign)
    row.said, row.said_version, row.said_by_id = said, campaign.version, by.id
    row.said_at, row.reason = now(), reason
    asked_by = db.session.get(Member, row.asked_by_id) if row.asked_by_id else None
    if asked_by and asked_by.id != by.id:
        kind = "approval_given" if said == "yes" else "approval_declined"
        _tell(campaign, kind, asked_by, who=by, words=reason)


def _demand_draft(campaign: Campaign, version: int | None) -> None:
    """Lock the campaign, so that nobody changes it meanwhile."""
    found = db.session.execute(
        sa.select(Campaign.state, Campaign.version, Campaign.written_by_id)
        .where(Campaign.id == campaign.id)
        .with_for_update()
    ).one()
    if found.state != "draft":
        raise WrongState("It is no draft any more, so there is nothing to approve.")
    if version is not None and found.version != version:
        raise Moved
    db.session.refresh(campaign)


def _row(campaign: Campaign) -> CampaignApproval:
    row = db.session.get(CampaignApproval, campaign.id)
    if row is None:
        row = CampaignApproval(campaign_id=campaign.id, account_id=campaign.account_id)
        db.session.add(row)
    return row


def _tell(campaign: Campaign, kind: str, to: Member, *, who: Member, words: str) -> None:
    url = f"{settings.get().BASE_URL}/campaigns/{campaign.id}/send"
    notices.queue(
        kind, to.email, account=campaign.account, person=to.name, who=who.name or who.email,
        campaign=campaign.name, words=words, url=url,
    )  # fmt: skip


def _clean(words: str) -> str:
    return " ".join(words.split())[:LONGEST]


def _about(campaign: Campaign) -> str:
    return f"campaign {campaign.id}, version {campaign.version}"
