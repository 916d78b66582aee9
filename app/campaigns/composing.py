"""Writing a campaign: drafts only, and nobody's changes are lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import sqlalchemy as sa

from app.accounts.models import Account
from app.campaigns import queries
from app.campaigns.escaping import CONTROL
from app.campaigns.models import Campaign, CampaignAudience
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid, NotFound, WrongState
from app.mailer import address

FORMATS = ("markdown", "html", "mjml")
TRACKING = ("none", "aggregate", "individual")
MAX_BODY = 500_000
#: Fields that become headers of a mail, and what people call them.
HEADERS = {
    "subject": "The subject",
    "preheader": "The preheader",
    "from_name": "The sender's name",
    "from_email": "The sender's address",
    "reply_to": "The reply address",
}
LENGTHS = {"name": 200, "subject": 500, "preheader": 500, "from_name": 200}


@dataclass(frozen=True)
class Draft:
    """What to write into a campaign; None leaves a field as it is."""

    name: str | None = None
    subject: str | None = None
    preheader: str | None = None
    from_name: str | None = None
    from_email: str | None = None
    reply_to: str | None = None
    format: str | None = None
    body: str | None = None
    text_body: str | None = None
    tracking: str | None = None
    lists: Sequence[int] | None = None
    segments: Sequence[int] | None = None
    exclude: Sequence[int] | None = None
    """Ids of lists whose active people get nothing."""
    exclude_segments: Sequence[int] | None = None
    """Ids of segments whose people get nothing."""
    at_most: int | None = None
    """How many of them get it, who came first; 0: all."""


class Conflict(WrongState):
    """Somebody else saved the draft meanwhile; `campaign` holds what they saved."""

    def __init__(self, campaign: Campaign) -> None:
        super().__init__(
            f"“{campaign.name}” was changed in another window or by somebody else meanwhile."
        )
        self.campaign = campaign


class NoDraft(WrongState):
    """The content is fixed once a campaign was sent or scheduled."""

    def __init__(self, campaign: Campaign) -> None:
        super().__init__(
            f"“{campaign.name}” is no draft any more, so it cannot be changed. Take it back, "
            "or duplicate it."
        )


def create(account: Account, draft: Draft | None = None, *, by: int | None = None) -> Campaign:
    """A new draft. What is not said is taken from the campaign before: From and lists.

    `by` is the id of the member who makes it.
    """
    draft = draft or Draft()
    last = queries.latest(account)
    campaign = Campaign(
        account_id=account.id, name="New campaign", created_by_id=by, written_by_id=by,
        **_from_of(account, last),
    )  # fmt: skip
    campaign.account = account
    if last and draft.lists is None and draft.segments is None:
        campaign.audience = [_copied(row) for row in last.audience]
    _write(campaign, draft)
    db.session.add(campaign)
    db.session.flush()
    return campaign


def written(account: Account, draft: Draft) -> Campaign:
    """A campaign with this content alone, not stored. Raises Invalid with errors per field."""
    with db.session.no_autoflush:
        campaign = Campaign(account_id=account.id, name="New campaign")
        campaign.account, campaign.audience = account, []
        for name in (*HEADERS, "body", "text_body"):
            setattr(campaign, name, "")
        _write(campaign, draft)
    return campaign


def revise(
    campaign: Campaign, draft: Draft, version: int | None = None, *, by: int | None = None
) -> None:
    """Change a draft. `version` is the one that was shown; None changes whatever is there.

    `by` is the id of the member who changes it; None: a program.

    Raises Conflict, NoDraft, Invalid with errors per field.
    """
    taken = db.session.execute(
        sa.update(Campaign)
        .where(
            Campaign.id == campaign.id,
            Campaign.state == "draft",
            Campaign.version == (campaign.version if version is None else version),
        )
        .values(version=Campaign.version + 1, updated_at=now(), written_by_id=by)
        .returning(Campaign.version)
        .execution_options(synchronize_session=False)
    ).first()
    db.session.refresh(campaign)
    if taken is None:
        raise Conflict(campaign) if campaign.state == "draft" else NoDraft(campaign)
    _write(campaign, draft)
    db.session.flush()


def rename(campaign: Campaign, name: str) -> None:
    """The name is ours alone, so it may change in any state."""
    campaign.name = _clean("name", name, "The name") or campaign.name


def duplicate(campaign: Campaign, *, by: int | None = None) -> Campaign:
    """A new draft with the same content and audience."""
    kept = ("account_id", "subject", "preheader", "from_name", "from_email", "reply_to",
            "format", "body", "text_body", "tracking")  # fmt: skip
    values = {name: getattr(campaign, name) for name in kept}
    name = f"{campaign.name[:190]} (copy)"
    copy = Campaign(name=name, created_by_id=by, written_by_id=by, **values)
    copy.audience = [_copied(row) for row in campaign.audience]
    db.session.add(copy)
    db.session.flush()
    return copy


def delete(campaign: Campaign) -> None:
    """Drafts only: what was sent is kept as evidence."""
    gone = db.session.execute(
        sa.delete(Campaign)
        .where(Campaign.id == campaign.id, Campaign.state == "draft")
        .returning(Campaign.id)
        .execution_options(synchronize_session=False)
    ).first()
    if gone is None:
        raise WrongState(
            f"“{campaign.name}” is no draft, so it stays as evidence of what was sent."
        )
    db.session.expunge(campaign)


def header_trick(value: str) -> str | None:
    """What is wrong with a text that becomes a header; None when nothing is."""
    if CONTROL.search(value):
        return "must be one line, without control characters"
    if "=?" in value and "?=" in value:
        return "must not hold “=?…?=”, which mail programs would decode into something else"
    return None


def _from_of(account: Account, last: Campaign | None) -> dict[str, str]:
    if last:
        return {name: getattr(last, name) for name in ("from_name", "from_email", "reply_to")}
    for sender in queries.senders(account):
        if sender.confirmed_at:
            return {"from_name": sender.name or account.name, "from_email": sender.email}
    return {"from_name": account.name}


def _copied(row: CampaignAudience) -> CampaignAudience:
    return CampaignAudience(list_id=row.list_id, segment_id=row.segment_id, excluded=row.excluded)


def _write(campaign: Campaign, draft: Draft) -> None:
    errors: dict[str, list[str]] = {}
    for field in fields(draft):
        value = getattr(draft, field.name)
        if not isinstance(value, str):
            continue
        try:
            setattr(campaign, field.name, _checked(field.name, value))
        except Invalid as error:
            errors[field.name] = [str(error)]
    if errors:
        raise Invalid(" ".join(message for (message,) in errors.values()), errors)
    if draft.at_most is not None:
        if draft.at_most < 0:
            raise Invalid("Say how many, from 1 on.", {"at_most": ["Say how many, from 1 on."]})
        campaign.at_most = draft.at_most or None
    _aim(campaign, draft)


def _checked(name: str, value: str) -> str:
    if name == "format" and value not in FORMATS:
        raise Invalid(f"“{value}” is no format; there are {', '.join(FORMATS)}.")
    if name == "tracking" and value not in TRACKING:
        raise Invalid(f"“{value}” is no way of tracking; there are {', '.join(TRACKING)}.")
    if name in ("body", "text_body"):
        if len(value) > MAX_BODY:
            raise Invalid("This is too long for a mail: keep it below 500,000 characters.")
        return value.replace("\r\n", "\n").replace("\x00", "")
    if name in ("from_email", "reply_to"):
        return _address(name, value)
    if name == "name":
        return _clean(name, value, "The name") or "New campaign"
    return _clean(name, value, HEADERS[name]) if name in HEADERS else value


def _clean(name: str, value: str, label: str) -> str:
    value = value.strip()
    if wrong := header_trick(value):
        raise Invalid(f"{label} {wrong}.")
    if len(value) > LENGTHS[name]:
        raise Invalid(f"{label} may have at most {LENGTHS[name]} characters.")
    return value


def _address(name: str, value: str) -> str:
    label, value = HEADERS[name], value.strip()
    if not value:
        return ""
    if wrong := header_trick(value):
        raise Invalid(f"{label} {wrong}.")
    try:
        parsed = address.parse(value)
    except address.BadAddress as error:
        raise Invalid(f"{label}: {error}") from None
    return parsed.address if name == "from_email" else parsed.email


def _aim(campaign: Campaign, draft: Draft) -> None:
    """Replace what the draft names: included lists, segments, excluded lists and segments."""
    rows = list(campaign.audience)
    if draft.lists is not None:
        rows = [row for row in rows if row.excluded or row.segment_id]
        rows += [CampaignAudience(list_id=i) for i in _own_lists(campaign, draft.lists)]
    if draft.segments is not None:
        rows = [row for row in rows if row.excluded or row.list_id]
        rows += [CampaignAudience(segment_id=i) for i in _own_segments(campaign, draft.segments)]
    if draft.exclude is not None:
        rows = [row for row in rows if not row.excluded or row.segment_id]
        excluded = _own_lists(campaign, draft.exclude)
        rows += [CampaignAudience(list_id=i, excluded=True) for i in excluded]
    if draft.exclude_segments is not None:
        rows = [row for row in rows if not row.excluded or row.list_id]
        excluded = _own_segments(campaign, draft.exclude_segments)
        rows += [CampaignAudience(segment_id=i, excluded=True) for i in excluded]
    campaign.audience = rows


def _own_lists(campaign: Campaign, ids: Sequence[int]) -> list[int]:
    """Another account's list looks like one that does not exist."""
    wanted = set(ids)
    found = {row.id for row in queries.owned_lists(campaign.account_id, sorted(wanted))}
    if wanted - found:
        raise NotFound("This list")
    return sorted(found)


def _own_segments(campaign: Campaign, ids: Sequence[int]) -> list[int]:
    wanted = set(ids)
    found = {row.id for row in queries.segments(campaign.account_id, sorted(wanted))}
    if wanted - found:
        raise NotFound("This segment")
    return sorted(found)
