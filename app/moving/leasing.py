"""Who works on a take-out or a take-in: one run at a time, found again when it dies."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from app.core import stopping
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import WrongState
from app.moving.models import Takein, Takeout

Work = type[Takeout] | type[Takein]
LEASE = timedelta(seconds=30)
BUDGET_S = 20.0
#: How often a run says that it lives and how far it is.
BEAT_S = 2.0


class Overtaken(WrongState):
    """Another worker went on with it, or somebody stopped it."""


def claim(model: Work, row_id: int, states: Sequence[str], *, to: str = "") -> str | None:
    """Take what waits in one of `states`, or whose worker is gone; the lease, or None.

    In those states a null lease means that it waits. `to`: the state while it is worked.
    """
    lease = secrets.token_hex(8)
    values: dict[str, Any] = {"lease": lease, "lease_until": now() + LEASE}
    if to:
        values["state"] = to
    taken = db.session.execute(
        sa.update(model)
        .where(model.id == row_id, model.state.in_(states), _is_free(model))
        .values(**values, runs=model.runs + 1)
        .returning(model.id)
        .execution_options(synchronize_session=False)
    ).scalar()
    return lease if taken is not None else None


def _is_free(model: Work) -> Any:
    return sa.or_(model.lease.is_(None), model.lease_until < now())


def move(model: Work, row_id: int, lease: str, /, **values: Any) -> None:
    """Change the row while the lease is ours. Raises Overtaken."""
    moved = db.session.execute(
        sa.update(model)
        .where(model.id == row_id, model.lease == lease)
        .values(**values)
        .returning(model.id)
        .execution_options(synchronize_session=False)
    ).scalar()
    if moved is None:
        raise Overtaken("Another worker went on with this.")


def waiting(model: Work, states: Sequence[str]) -> Sequence[tuple[int, int]]:
    """What a worker should take up: ids, and how many runs there have been."""
    found = (
        sa.select(model.id, model.runs)
        .where(model.state.in_(states), _is_free(model))
        .order_by(model.id)
        .limit(100)
    )
    return [(row.id, row.runs) for row in db.session.execute(found)]


class Beat:
    """Says every two seconds that a run lives and how many rows it has done."""

    def __init__(self, model: Work, row_id: int, lease: str, *, budget_s: float) -> None:
        self._model, self._id, self._lease = model, row_id, lease
        self._last = time.monotonic()
        self._until = self._last + budget_s

    def __call__(self, rows: int) -> None:
        """Raises Overtaken."""
        if time.monotonic() - self._last < BEAT_S:
            return
        with transaction():
            move(self._model, self._id, self._lease, rows=rows, lease_until=now() + LEASE)
        self._last = time.monotonic()

    def is_over(self) -> bool:
        """Whether the run has had its time, or its process would like to end."""
        return stopping.asked() or time.monotonic() >= self._until
