"""From single views to visits, and from visits to sums. Pure: no database, no queue server.

A visit is a row of views of one visitor with no more than half an hour between them. What is
known of a running visit is the least that its sums need, and it is kept for the day at most.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

PAUSE_S = 1_800
DAY_S = 86_400
COUNTERS = ("views", "visits", "bounces", "fresh", "seconds", "timed", "clicks", "signups")
#: A page of the site whose next page is this one led there: its call to action was followed.
GOAL = "auth.register"


class View(NamedTuple):
    """A line of the stream."""

    what: str
    """view, sign, time or click."""
    kind: str
    key: str
    view: int
    visitor: str
    at: int
    n: int
    """Seconds of a time, the place of a click."""
    piece: int
    host: str

    @property
    def name(self) -> str:
        """The same for the same piece of news."""
        return f"{self.view:x}:{self.what[0]}{self.piece}"

    @property
    def day(self) -> int:
        return self.at // DAY_S


class Page(NamedTuple):
    """One page on one day."""

    kind: str
    key: str
    day: int


@dataclass
class Visit:
    """What is known of a visitor today."""

    entry: Page
    last: Page
    last_at: int
    last_view: int
    is_timed: bool = False
    """Whether the page told by itself how long it was looked at."""
    is_single: bool = True
    guessed: int = 0
    """The view before, where the next one told how long it was."""

    def to_json(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, raw: str | bytes) -> Visit:
        values = json.loads(raw)
        values["entry"], values["last"] = Page(*values["entry"]), Page(*values["last"])
        return cls(**values)


@dataclass
class Sums:
    """What a batch adds to the counters."""

    pages: dict[Page, Counter[str]] = field(default_factory=dict)
    sources: Counter[tuple[Page, str]] = field(default_factory=Counter)
    places: Counter[tuple[Page, int]] = field(default_factory=Counter)

    def add(self, page: Page, **by: int) -> None:
        counted = self.pages.setdefault(page, Counter())
        for name, n in by.items():
            counted[name] += n


def parse(line: str | bytes) -> View | None:
    """A line as `noting` wrote it; None for anything else."""
    try:
        what, kind, key, view, visitor, at, n, piece, host = json.loads(line)
        return View(
            str(what), str(kind), str(key), int(view), str(visitor), int(at), int(n), int(piece),
            str(host),
        )  # fmt: skip
    except (ValueError, TypeError):
        return None


def count(view: View, known: dict[str, Visit], sums: Sums) -> None:
    """Add one line to the sums; `known` holds the visits of today by visitor, and is changed."""
    page = Page(view.kind, view.key, view.day)
    visit = known.get(view.visitor)
    if visit and view.at - visit.last_at > PAUSE_S and view.what == "view":
        visit = None
    if view.what == "view":
        _viewed(view, page, visit, known, sums)
    elif view.what == "sign":
        sums.add(visit.entry if visit and view.kind == "site" else page, signups=1)
    elif view.what == "time":
        if visit and visit.guessed == view.view:
            return
        if visit and visit.last_view == view.view:
            sums.add(page, seconds=view.n, timed=0 if visit.is_timed else 1)
            visit.is_timed = True
        else:
            sums.add(page, seconds=view.n, timed=1 if view.piece == 0 else 0)
    else:
        sums.add(page, clicks=1)
        sums.places[page, view.n] += 1


def _viewed(
    view: View, page: Page, visit: Visit | None, known: dict[str, Visit], sums: Sums
) -> None:
    sums.add(page, views=1)
    if visit is None:
        sums.add(page, visits=1, bounces=1, fresh=0 if view.visitor in known else 1)
        sums.sources[page, view.host] += 1
        known[view.visitor] = Visit(page, page, view.at, view.view)
        return
    if visit.is_single:
        sums.add(visit.entry, bounces=-1)
        visit.is_single = False
    # Without JavaScript, the next page tells how long the one before was looked at.
    if not visit.is_timed:
        sums.add(visit.last, seconds=max(0, view.at - visit.last_at), timed=1)
        visit.guessed = visit.last_view
    if page.key == GOAL and visit.last.key != GOAL:
        sums.add(visit.last, clicks=1)
    visit.last, visit.last_at = page, view.at
    visit.last_view, visit.is_timed = view.view, False
