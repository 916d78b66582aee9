"""Mailings of the operator's own account are about a topic, which its customers may leave out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.campaigns.findings import Finding
from app.campaigns.models import Campaign
from app.contacts import houses
from app.contacts.segments import keeping


def blocks(campaign: Campaign) -> Iterator[Finding]:
    """Whatever could reach somebody who left the topic out."""
    house = houses.find() if campaign.account.is_house else None
    if house is None:
        return
    topics = {house.newsletter_id, house.promotions_id} - {None}
    aims = [row for row in campaign.audience if not row.excluded]
    rules = {
        one.id: one.rule
        for one in keeping.of(campaign.account_id)
        if one.id in {row.segment_id for row in aims}
    }
    lists = {row.list_id for row in aims if row.list_id}
    loose = [row for row in aims if row.segment_id and not _keeps(rules[row.segment_id], topics)]
    if loose or not lists <= topics:
        yield Finding(
            "block", "Which topic is it?",
            "Your customers choose topics. Send to the list of one, or to a segment that begins "
            "with “on the list” of one and all of whose conditions must hold.",
            f"/campaigns/{campaign.id}/people", "topic",
        )  # fmt: skip


def _keeps(rule: Any, topics: set[int | None]) -> bool:
    """Whether everybody who fits is on the list of a topic."""
    if "all" in rule:
        return any(_keeps(part, topics) for part in rule["all"])
    if "any" in rule:
        return bool(rule["any"]) and all(_keeps(part, topics) for part in rule["any"])
    is_on = rule.get("field") == "list" and rule.get("op") == "on"
    return is_on and rule.get("value") in topics and rule.get("state") in (None, "active")
