"""Saved segments: making, changing, copying, removing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from app.contacts.models import Segment
from app.contacts.segments import reading, surroundings, written
from app.contacts.segments.elsewhere import OPEN, campaign, campaign_audience
from app.contacts.segments.rule import as_json, conditions
from app.contacts.text import clean_line
from app.core.db import db
from app.core.errors import Invalid, NotFound, WrongState
from app.core.owning import LARGEST, owned

MOST = 500


class InUse(WrongState):
    """A segment that campaigns still aim at."""

    def __init__(self, segment: Segment, campaigns: Sequence[str]) -> None:
        self.campaigns = campaigns
        names = ", ".join(campaigns)
        super().__init__(
            f"{segment.name} decides who gets {names}. Choose other people there first."
        )


def one(account_id: int, segment_id: int) -> Segment:
    """Raises NotFound."""
    return owned(Segment, account_id, segment_id, "The segment")


def of(account_id: int) -> Sequence[Segment]:
    """The account's segments by name."""
    own = sa.select(Segment).where(Segment.account_id == account_id)
    return db.session.scalars(own.order_by(Segment.name, Segment.id).limit(MOST)).all()


def create(account_id: int, name: str, rule: Any) -> Segment:
    """Raises BadRule, and Invalid for a name that is empty or taken."""
    known = sa.select(sa.func.count()).where(Segment.account_id == account_id)
    if (db.session.scalar(known) or 0) >= MOST:
        raise Invalid(f"An account can have {MOST} segments. Remove one that you do not use.")
    segment = Segment(account_id=account_id)
    segment.rule = _checked(account_id, rule)
    segment.name = _free_name(account_id, name, unless=0)
    db.session.add(segment)
    db.session.flush()
    return segment


def change(segment: Segment, *, name: str | None = None, rule: Any = None) -> None:
    """What is None stays. Campaigns that aim at it follow. Raises as `create`."""
    if rule is not None:
        segment.rule = _checked(segment.account_id, rule)
    if name is not None:
        segment.name = _free_name(segment.account_id, name, unless=segment.id)
    db.session.flush()


def copy(segment: Segment) -> Segment:
    """Another one with the same rule, named so."""
    taken = {row.name for row in of(segment.account_id)}
    tries = (f"{segment.name[:180]} (copy{f' {n}' if n > 1 else ''})" for n in range(1, MOST + 2))
    return create(
        segment.account_id, next(name for name in tries if name not in taken), segment.rule
    )


def delete(segment: Segment) -> None:
    """Nobody is removed. Raises InUse while a campaign that is not over aims at it."""
    if names := used_by(segment):
        raise InUse(segment, names)
    db.session.delete(segment)
    db.session.flush()


def used_by(segment: Segment) -> list[str]:
    """Names of the campaigns that are still to go to its people, or not to them."""
    aimed = sa.select(campaign_audience.c.campaign_id).where(
        campaign_audience.c.segment_id == segment.id
    )
    rows = db.session.scalars(
        sa.select(campaign.c.name)
        .where(
            campaign.c.account_id == segment.account_id,
            campaign.c.id.in_(aimed),
            campaign.c.state.in_(OPEN),
        )
        .order_by(campaign.c.id.desc())
        .limit(20)
    )
    return list(rows)


def campaign_name(account_id: int, campaign_id: int) -> str:
    """Raises NotFound."""
    name = sa.select(campaign.c.name).where(
        campaign.c.account_id == account_id, campaign.c.id == min(campaign_id, LARGEST)
    )
    found = db.session.scalar(name)
    if found is None:
        raise NotFound("The campaign")
    return str(found)


def asking_for(account_id: int, field: str) -> list[str]:
    """Names of the segments that ask for a field, such as fields.town."""
    types = surroundings.of(account_id).types
    return [row.name for row in of(account_id) if _asks_for(row, field, types)]


def _asks_for(segment: Segment, field: str, types: Any) -> bool:
    try:
        rule = reading.read(segment.rule, types)
    except reading.BadRule:
        return False
    return any(getattr(leaf, "field", None) == field for leaf in conditions(rule))


def _checked(account_id: int, rule: Any) -> dict[str, Any]:
    return as_json(written(account_id, rule))


def _free_name(account_id: int, name: str, *, unless: int) -> str:
    name = clean_line(name)
    if not name:
        raise Invalid("Give the segment a name.", {"name": ["Give the segment a name."]})
    same = sa.select(Segment.id).where(
        Segment.account_id == account_id, Segment.name == name, Segment.id != unless
    )
    with db.session.no_autoflush:
        taken = db.session.scalar(same)
    if taken:
        text = f"There is a segment named {name} already."
        raise Invalid(text, {"name": [text]})
    return name
