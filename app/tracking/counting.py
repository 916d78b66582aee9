"""Kept counters: one upsert a kind of counter, in a fixed order, so that two never deadlock."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from app.core.db import db, insert
from app.tracking.models import HourScore, Score

ScoreKey = tuple[int, str, str, int]
"""campaign, kind, verdict, link (0: all together)."""
HourKey = tuple[int, datetime, str, str]


class Counts:
    """What a transaction adds to the counters."""

    def __init__(self) -> None:
        self.hits: Counter[ScoreKey] = Counter()
        self.people: Counter[ScoreKey] = Counter()
        self.hours: Counter[HourKey] = Counter()

    def hit(
        self,
        campaign_id: int,
        kind: str,
        verdict: str,
        *,
        at: datetime,
        link_id: int = 0,
        n: int = 1,
    ) -> None:
        """Count a hit: in all, for its link, in its hour."""
        self.hits[campaign_id, kind, verdict, 0] += n
        if link_id:
            self.hits[campaign_id, kind, verdict, link_id] += n
        self.hours[campaign_id, _hour(at), kind, verdict] += n

    def person(
        self, campaign_id: int, kind: str, verdict: str, *, link_id: int = 0, n: int = 1
    ) -> None:
        """Count a person: once per kind, verdict and link."""
        self.people[campaign_id, kind, verdict, link_id] += n

    def write(self) -> None:
        """Add everything to the rows."""
        for key in sorted({*self.hits, *self.people}):
            if self.hits[key] or self.people[key]:
                _add_score(key, self.hits[key], self.people[key])
        for hour in sorted(self.hours):
            if self.hours[hour]:
                _add_hour(hour, self.hours[hour])


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _add_score(key: ScoreKey, hits: int, people: int) -> None:
    campaign_id, kind, verdict, link_id = key
    statement = insert(Score).values(
        campaign_id=campaign_id, kind=kind, verdict=verdict, link_id=link_id,
        hits=hits, people=people,
    )  # fmt: skip
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["campaign_id", "kind", "verdict", "link_id"],
            set_={"hits": Score.hits + hits, "people": Score.people + people},
        )
    )


def _add_hour(key: HourKey, n: int) -> None:
    campaign_id, hour, kind, verdict = key
    statement = insert(HourScore).values(
        campaign_id=campaign_id, hour=hour, kind=kind, verdict=verdict, n=n
    )
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["campaign_id", "hour", "kind", "verdict"],
            set_={"n": HourScore.n + n},
        )
    )
