"""Marks of what came in: rows of Intake, written in the transaction that acts upon it, so that
nothing is acted upon twice, however often it comes and whoever dies in between."""

from __future__ import annotations

import sqlalchemy as sa

from app.core.clock import now
from app.core.db import db, insert
from app.tracking.models import Intake

#: Where a stream begins.
BEGINNING = "0-0"


def is_first(name: str) -> bool:
    """Whether nobody has put this mark; it is put now."""
    put = insert(Intake).values(name=name, cursor="", at=now()).on_conflict_do_nothing()
    return db.session.execute(put.returning(Intake.name)).first() is not None


def is_moved(name: str, cursor: str, to: str) -> bool:
    """Claim a stream's entries from `cursor` to `to`; False when somebody else has. Holds others
    off until the commit."""
    if cursor == BEGINNING:
        db.session.execute(
            insert(Intake).values(name=name, cursor=BEGINNING, at=now()).on_conflict_do_nothing()
        )
    moved = db.session.execute(
        sa.update(Intake)
        .where(Intake.name == name, Intake.cursor == cursor)
        .values(cursor=to, at=now())
        .returning(Intake.name)
        .execution_options(synchronize_session=False)
    ).first()
    return moved is not None


def order(stream_id: str) -> tuple[int, int]:
    """By what ids of a stream are compared: milliseconds, and a number within them."""
    ms, _, n = stream_id.partition("-")
    return int(ms), int(n or 0)
