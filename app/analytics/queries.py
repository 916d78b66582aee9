"""What pages of figures show: sums of a period, by day, by page and by source."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from app.analytics.dots import SITE_PAGES
from app.analytics.models import PageDay, PageLink, PageSource, PublicPage
from app.analytics.visits import COUNTERS, DAY_S
from app.core.db import db

PERIODS = {7: "7 days", 30: "30 days", 90: "90 days", 365: "a year"}
USUAL = 30
TOP = 50
WIDTH, FLOOR, TALL = 720, 140, 126


@dataclass(frozen=True)
class Figures:
    """Sums of a page, or of many."""

    views: int = 0
    visits: int = 0
    bounces: int = 0
    fresh: int = 0
    seconds: int = 0
    timed: int = 0
    clicks: int = 0
    signups: int = 0

    @property
    def seconds_a_view(self) -> int | None:
        """How long a view was on average, where that is known of any."""
        return round(self.seconds / self.timed) if self.timed else None

    @property
    def time_spent(self) -> str:
        """As people say it: 48 s, 2 min 5 s; a dash where it is not known."""
        seconds = self.seconds_a_view
        if seconds is None:
            return "\N{EN DASH}"
        return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min {seconds % 60} s"


@dataclass(frozen=True)
class PageLine:
    """A page with its sums."""

    kind: str
    key: str
    figures: Figures
    places: Sequence[tuple[str, int]] = ()
    """Which links or blocks of it were followed, and how often."""

    @property
    def name(self) -> str:
        """Of a page of the site, for people."""
        return SITE_PAGES.get(self.key, self.key)


@dataclass(frozen=True)
class Bar:
    """A day or week in the drawing."""

    label: str
    visits: int
    views: int
    x: float
    width: float
    visits_height: float
    views_height: float


def period(days: int | None) -> int:
    """A period that is offered."""
    return days if days in PERIODS else USUAL


def total(kind: str, days: int) -> Figures:
    """Sums of all pages of a kind."""
    return _figures(_sums().where(PublicPage.kind == kind, PageDay.day > _since(days)))


def of_pages(kind: str, keys: Sequence[str], days: int) -> Figures:
    """Sums of some pages together."""
    return _figures(
        _sums().where(PublicPage.kind == kind, PublicPage.key.in_(keys), PageDay.day > _since(days))
    )


def pages(kind: str, days: int, *, keys: Sequence[str] | None = None) -> list[PageLine]:
    """Pages by views, the most viewed first; only those of `keys`, where some are given."""
    query = _sums(PublicPage.kind, PublicPage.key).where(
        PublicPage.kind == kind, PageDay.day > _since(days)
    )
    if keys is not None:
        query = query.where(PublicPage.key.in_(keys))
    query = query.group_by(PublicPage.kind, PublicPage.key)
    query = query.order_by(sa.func.sum(PageDay.views).desc(), PublicPage.key).limit(TOP)
    return [
        PageLine(row[0], row[1], Figures(*(int(n or 0) for n in row[2:])))
        for row in db.session.execute(query)
    ]


def sources(kind: str, days: int, *, keys: Sequence[str] | None = None) -> list[tuple[str, int]]:
    """Hosts that visits came from, with how many; "" is unknown, "*" those beyond the limit."""
    visits = sa.func.sum(PageSource.visits)
    query = (
        sa.select(PageSource.host, visits)
        .join(PublicPage, PublicPage.id == PageSource.page_id)
        .where(PublicPage.kind == kind, PageSource.day > _since(days))
    )
    if keys is not None:
        query = query.where(PublicPage.key.in_(keys))
    query = query.group_by(PageSource.host).order_by(visits.desc(), PageSource.host).limit(TOP)
    return [(host, int(n)) for host, n in db.session.execute(query)]


def places(kind: str, keys: Sequence[str], days: int) -> dict[str, dict[int, int]]:
    """How often links or blocks were followed: by page, then by their place on it."""
    clicks = sa.func.sum(PageLink.clicks)
    query = (
        sa.select(PublicPage.key, PageLink.place, clicks)
        .join(PublicPage, PublicPage.id == PageLink.page_id)
        .where(PublicPage.kind == kind, PublicPage.key.in_(keys), PageLink.day > _since(days))
        .group_by(PublicPage.key, PageLink.place)
        .order_by(PublicPage.key, PageLink.place)
    )
    found: dict[str, dict[int, int]] = {}
    for key, place, n in db.session.execute(query):
        found.setdefault(key, {})[int(place)] = int(n)
    return found


def bars(kind: str, days: int) -> list[Bar]:
    """Visits and views over the period, by day, or by week where there are many."""
    step = 1 if days <= 90 else 7
    first = _since(days) + 1
    found: dict[int, list[int]] = {n: [0, 0] for n in range(0, days, step)}
    rows = db.session.execute(
        sa.select(PageDay.day, sa.func.sum(PageDay.visits), sa.func.sum(PageDay.views))
        .join(PublicPage, PublicPage.id == PageDay.page_id)
        .where(PublicPage.kind == kind, PageDay.day >= first)
        .group_by(PageDay.day)
    )
    for day, visits, views in rows:
        if (n := (day - first) // step * step) in found:
            found[n][0] += int(visits)
            found[n][1] += int(views)
    most = max(1, *(views for _, views in found.values()))
    slot = WIDTH / len(found)
    return [
        Bar(
            label=_label(first + n), visits=visits, views=views,
            x=round(index * slot + slot * 0.1, 1), width=round(slot * 0.8, 1),
            visits_height=round(TALL * visits / most, 1),
            views_height=round(TALL * views / most, 1),
        )
        for index, (n, (visits, views)) in enumerate(found.items())
    ]  # fmt: skip


def _label(day: int) -> str:
    on: date = datetime.fromtimestamp(day * DAY_S, UTC).date()
    return f"{on.day} {on:%b}"


def _since(days: int) -> int:
    return int(time.time()) // DAY_S - days


def _sums(*columns: Any) -> Any:
    sums = [sa.func.sum(getattr(PageDay, name)) for name in COUNTERS]
    return sa.select(*columns, *sums).join(PublicPage, PublicPage.id == PageDay.page_id)


def _figures(query: Any) -> Figures:
    row = db.session.execute(query).one()
    return Figures(*(int(n or 0) for n in row))
