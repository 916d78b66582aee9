"""Whom something is done to: ticked people, or all whom a search, list, tag or finding means.

A selection is walked in the order of contacts' ids, a span after the other, so that a pass over
a million people needs no memory, can go on where it stopped, and never meets anybody twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import sqlalchemy as sa

from app.contacts import finding
from app.contacts.bulk import among
from app.contacts.models import Contact, Headcount
from app.core.db import db
from app.core.errors import Invalid, NotFound

MOST_TICKED = 500


@dataclass(frozen=True)
class Selection:
    """Ticked people where there are any, else everybody whom `wanted` means."""

    wanted: finding.Wanted = field(default_factory=finding.Wanted)
    ids: tuple[int, ...] = ()

    @property
    def is_ticked(self) -> bool:
        """Whether people were chosen one by one."""
        return bool(self.ids)

    def as_json(self) -> dict[str, Any]:
        """For keeping; `read` gives it back."""
        if self.ids:
            return {"ids": list(self.ids)}
        return {name: value for name, value in asdict(self.wanted).items() if value}


@dataclass(frozen=True)
class Span:
    """A stretch of contact ids: those behind `after`, up to `last`."""

    after: int
    last: int
    people: int
    """How many of the account's contacts it looks at; 0 at the end of the walk."""

    def of(self, column: Any) -> sa.ColumnElement[bool]:
        """The condition that a column of contact ids lies in it."""
        return sa.and_(column > self.after, column <= self.last)


def read(kept: dict[str, Any]) -> Selection:
    """A selection that was kept."""
    if ids := kept.get("ids"):
        return Selection(ids=tuple(ids))
    return Selection(finding.Wanted(**kept))


def ticked(ids: Sequence[int]) -> Selection:
    """These people. Raises Invalid for too many to be chosen one by one."""
    if len(ids) > MOST_TICKED:
        raise Invalid(f"Tick at most {MOST_TICKED} people, or choose all who fit.")
    return Selection(ids=tuple(sorted(set(ids))))


def check(account_id: int, selection: Selection) -> None:
    """Raises NotFound where somebody who was ticked is no contact of the account."""
    if selection.ids:
        own = sa.select(sa.func.count(Contact.id)).where(*conditions(account_id, selection))
        if db.session.scalar(own) != len(selection.ids):
            raise NotFound("One of these contacts")


def conditions(account_id: int, selection: Selection) -> list[Any]:
    """What makes a contact one of the selection; another account's people never are."""
    if selection.ids:
        return [Contact.account_id == account_id, among(Contact.id, selection.ids)]
    return finding.conditions(account_id, selection.wanted)


def last_id(account_id: int) -> int:
    """The newest contact: who comes later is not meant."""
    newest = sa.select(sa.func.max(Contact.id)).where(Contact.account_id == account_id)
    return db.session.scalar(newest) or 0


def size(account_id: int, selection: Selection) -> int:
    """How many contacts a walk looks at: kept, not counted."""
    if selection.ids:
        return len(selection.ids)
    found = sa.select(Headcount.people).where(Headcount.account_id == account_id)
    return db.session.scalar(found) or 0


def span(account_id: int, selection: Selection, *, after: int, until: int, limit: int) -> Span:
    """The next stretch of a walk, with at most `limit` contacts to look at."""
    if selection.ids:
        rest = [one for one in selection.ids if after < one <= until][:limit]
        return Span(after, rest[-1], len(rest)) if rest else Span(after, until, 0)
    here = sa.select(Contact.id).where(
        Contact.account_id == account_id, Contact.id > after, Contact.id <= until
    )
    rows = here.order_by(Contact.id).limit(limit).subquery()
    last, people = db.session.execute(sa.select(sa.func.max(rows.c.id), sa.func.count())).one()
    return Span(after, last, people) if people else Span(after, until, 0)
