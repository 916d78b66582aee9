"""Take-outs and take-ins in the background."""

from __future__ import annotations

from app.core import jobs
from app.core.db import db
from app.moving import leasing, taking_in, taking_out
from app.moving.models import OPEN_OUT, Takein, Takeout


def write_takeout(takeout_id: int) -> None:
    """Go on with a take-out for some seconds, then stand in line again."""
    if taking_out.run(takeout_id):
        wake_out(takeout_id)


def read_takein(takein_id: int) -> None:
    """Go on with a take-in for some seconds, then stand in line again."""
    if taking_in.run(takein_id):
        wake_in(takein_id)


def wake_out(takeout_id: int) -> bool:
    """Have a worker go on with a take-out."""
    takeout = db.session.get(Takeout, takeout_id, populate_existing=True)
    runs = takeout.runs if takeout else 0
    # A job that is running cannot be enqueued again under its own name.
    return jobs.enqueue(write_takeout, takeout_id, key=f"takeout-{takeout_id}-{runs}", on="work")


def wake_in(takein_id: int) -> bool:
    """Have a worker go on with a take-in."""
    takein = db.session.get(Takein, takein_id, populate_existing=True)
    runs = takein.runs if takein else 0
    return jobs.enqueue(read_takein, takein_id, key=f"takein-{takein_id}-{runs}", on="work")


def sweep() -> int:
    """Find what waits or whose worker is gone; returns how many."""
    out = leasing.waiting(Takeout, OPEN_OUT)
    for row_id, runs in out:
        jobs.enqueue(write_takeout, row_id, key=f"takeout-{row_id}-{runs}", on="work")
    back = leasing.waiting(Takein, taking_in.WORKED)
    for row_id, runs in back:
        jobs.enqueue(read_takein, row_id, key=f"takein-{row_id}-{runs}", on="work")
    return len(out) + len(back)
