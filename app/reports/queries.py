"""Reading what campaigns came to: from kept counters only, never by counting rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from app.accounts.models import Account
from app.campaigns.models import Campaign
from app.core.db import db
from app.core.pagination import PAGE_SIZE, Page, cut, decode
from app.delivery.models import Link, Tally
from app.delivery.receipts import Receipt, receipt
from app.tracking.models import HourScore, Score

#: How many of the account's other campaigns make its average.
COMPARED = 20
STARTED = ("sending", "paused", "sent", "cancelled")


@dataclass(frozen=True)
class Engagement:
    """Opens or clicks: hits of people, hits of machines, and how many people."""

    human: int = 0
    machine: int = 0
    people: int = 0


@dataclass(frozen=True)
class LinkScore:
    """One link of the mail."""

    id: int
    url: str
    label: str
    human: int = 0
    machine: int = 0
    people: int = 0


@dataclass(frozen=True)
class Bounces:
    """Mails that came back after they had been taken over."""

    hard: int = 0
    soft: int = 0
    sender: int = 0
    """Because of us, our content or our reputation; never the reader's fault."""


@dataclass(frozen=True)
class Report:
    """What became of a campaign, in numbers."""

    receipt: Receipt
    opens: Engagement = Engagement()
    clicks: Engagement = Engagement()
    links: Sequence[LinkScore] = ()
    unsubscribes: int = 0
    complaints: int = 0
    bounces: Bounces = Bounces()
    failures: dict[str, int] = field(default_factory=dict)
    """Mails that were refused, by whose fault it was."""

    @property
    def delivered(self) -> int:
        """Taken over by the recipient's side and not come back for good."""
        return max(0, self.receipt.sent - self.bounces.hard - self.bounces.sender)


@dataclass(frozen=True)
class Average:
    """Shares of the account's other campaigns, all together, in percent."""

    campaigns: int
    opened: float
    clicked: float
    left: float


@dataclass(frozen=True)
class Hour:
    """One step of the curve."""

    at: datetime
    opens: int = 0
    clicks: int = 0
    machine: int = 0


@dataclass(frozen=True)
class Line:
    """A campaign in the overview."""

    campaign: Campaign
    report: Report


def report(campaign_id: int) -> Report:
    """The numbers of `GET /campaigns/{id}/report`, in four statements."""
    scores = _scores([campaign_id])[campaign_id]
    return _report(
        receipt(campaign_id), scores, _links(campaign_id, scores), _failures(campaign_id)
    )


def average(account: Account, *, without: int = 0) -> Average | None:
    """Of the account's last campaigns but this one; None where there is nothing to compare."""
    chosen = (
        sa.select(Campaign.id)
        .where(
            Campaign.account_id == account.id, Campaign.state == "sent", Campaign.id != without,
            Campaign.is_sample.is_(False), Campaign.tracking == "individual",
            Campaign.kind == "campaign",
        )
        .order_by(Campaign.id.desc())
        .limit(COMPARED)
    )  # fmt: skip
    numbers = list(db.session.scalars(chosen))
    sent = _sent(numbers)
    whole = sum(sent.values())
    if not whole:
        return None
    people = _people(numbers)
    return Average(
        campaigns=len(sent),
        opened=100 * people["open"] / whole,
        clicked=100 * people["click"] / whole,
        left=100 * people["unsubscribe"] / whole,
    )


def hours(campaign_id: int) -> list[Hour]:
    """The curve, oldest first; hours without a hit are left out."""
    found: dict[datetime, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    rows = db.session.execute(
        sa.select(HourScore.hour, HourScore.kind, HourScore.verdict, HourScore.n)
        .where(HourScore.campaign_id == campaign_id, HourScore.kind.in_(("open", "click")))
        .order_by(HourScore.hour)
    )
    for hour, kind, verdict, n in rows:
        name = "machine" if verdict == "machine" else f"{kind}s"
        found[hour][name] += n
    return [Hour(at, **counts) for at, counts in found.items()]


def overview(account: Account, *, cursor: str | None = None) -> Page[Line]:
    """Campaigns that went out, newest first, with their numbers."""
    query = sa.select(Campaign).where(
        Campaign.account_id == account.id,
        Campaign.state.in_(STARTED),
        Campaign.started_at.is_not(None),
    )
    if key := decode(cursor):
        query = query.where(Campaign.id < key.number(0))
    rows = db.session.scalars(query.order_by(Campaign.id.desc()).limit(PAGE_SIZE + 1)).all()
    page = cut(rows, PAGE_SIZE, lambda row: [row.id])
    numbers = [campaign.id for campaign in page.items]
    scores, sent = _scores(numbers), _sent(numbers)
    lines = [
        Line(campaign, _report(Receipt(sent=sent[campaign.id]), scores[campaign.id], (), {}))
        for campaign in page.items
    ]
    return Page(lines, page.older)


def _report(
    numbers: Receipt, scores: Iterable[Score], links: Sequence[LinkScore], failures: dict[str, int]
) -> Report:
    whole = {(row.kind, row.verdict): row for row in scores if not row.link_id}

    def hits(kind: str, verdict: str = "") -> int:
        return whole[kind, verdict].hits if (kind, verdict) in whole else 0

    def people(kind: str, verdict: str = "") -> int:
        return whole[kind, verdict].people if (kind, verdict) in whole else 0

    def engagement(kind: str) -> Engagement:
        return Engagement(hits(kind, "human"), hits(kind, "machine"), people(kind, "human"))

    return Report(
        receipt=numbers, opens=engagement("open"), clicks=engagement("click"), links=links,
        unsubscribes=people("unsubscribe"), complaints=hits("complaint"),
        bounces=Bounces(*(hits("bounce", verdict) for verdict in ("hard", "soft", "sender"))),
        failures=failures,
    )  # fmt: skip


def _scores(campaign_ids: Sequence[int]) -> defaultdict[int, list[Score]]:
    found: defaultdict[int, list[Score]] = defaultdict(list)
    for row in db.session.scalars(
        sa.select(Score)
        .where(Score.campaign_id.in_(campaign_ids))
        .execution_options(populate_existing=True)
    ):
        found[row.campaign_id].append(row)
    return found


def _links(campaign_id: int, scores: Iterable[Score]) -> list[LinkScore]:
    """In the order of the mail."""
    by_link: dict[tuple[int, str], Score] = {
        (row.link_id, row.verdict): row for row in scores if row.kind == "click" and row.link_id
    }

    def number(link_id: int, verdict: str, name: str) -> int:
        row = by_link.get((link_id, verdict))
        return int(getattr(row, name)) if row else 0

    links = db.session.scalars(
        sa.select(Link).where(Link.campaign_id == campaign_id).order_by(Link.position)
    )
    return [
        LinkScore(
            link.id, link.url, link.label,
            human=number(link.id, "human", "hits"),
            machine=number(link.id, "machine", "hits"),
            people=number(link.id, "human", "people"),
        )
        for link in links
    ]  # fmt: skip


def _failures(campaign_id: int) -> dict[str, int]:
    rows = db.session.execute(
        sa.select(Tally.reason, Tally.n)
        .where(Tally.campaign_id == campaign_id, Tally.state == "failed", Tally.n > 0)
        .order_by(Tally.n.desc(), Tally.reason)
    )
    return {row.reason: row.n for row in rows}


def _sent(campaign_ids: Sequence[int]) -> defaultdict[int, int]:
    rows = db.session.execute(
        sa.select(Tally.campaign_id, sa.func.sum(Tally.n))
        .where(Tally.campaign_id.in_(campaign_ids), Tally.state == "sent")
        .group_by(Tally.campaign_id)
    )
    return defaultdict(int, {campaign_id: int(n) for campaign_id, n in rows})


def _people(campaign_ids: Sequence[int]) -> defaultdict[str, int]:
    rows = db.session.execute(
        sa.select(Score.kind, sa.func.sum(Score.people))
        .where(
            Score.campaign_id.in_(campaign_ids), Score.link_id == 0,
            Score.verdict.in_(("human", "")),
        )
        .group_by(Score.kind)
    )  # fmt: skip
    return defaultdict(int, {kind: int(n) for kind, n in rows})
