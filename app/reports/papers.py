"""A report as CSV, safe to open in a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator

from app.campaigns.models import Campaign
from app.contacts import rows
from app.reports.queries import Hour, Report


def as_csv(campaign: Campaign, found: Report, hours: list[Hour]) -> str:
    """Every number of the report, one a line: what, detail, number."""
    return rows.as_csv([("what", "detail", "number"), *_lines(campaign, found, hours)])


def _lines(campaign: Campaign, found: Report, hours: list[Hour]) -> Iterator[tuple[object, ...]]:
    numbers = found.receipt
    yield "campaign", campaign.name, campaign.id
    yield "intended", "", numbers.intended
    yield "sent", "", numbers.sent
    yield "failed", "", numbers.failed
    yield from (("failed", reason, n) for reason, n in found.failures.items())
    yield "uncertain", "", numbers.uncertain
    yield "pending", "", numbers.pending
    yield from (("skipped", reason, n) for reason, n in numbers.skipped.items())
    for name, part in (("opens", found.opens), ("clicks", found.clicks)):
        yield name, "people", part.people
        yield name, "human", part.human
        yield name, "machine", part.machine
    for link in found.links:
        yield "link people", link.url, link.people
        yield "link human", link.url, link.human
        yield "link machine", link.url, link.machine
    yield "unsubscribes", "", found.unsubscribes
    yield "complaints", "", found.complaints
    yield "bounces", "hard", found.bounces.hard
    yield "bounces", "soft", found.bounces.soft
    yield "bounces", "sender", found.bounces.sender
    for hour in hours:
        yield "opens in the hour", hour.at.isoformat(), hour.opens
        yield "clicks in the hour", hour.at.isoformat(), hour.clicks
        yield "machine hits in the hour", hour.at.isoformat(), hour.machine
