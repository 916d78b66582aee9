"""Imports in the background."""

from __future__ import annotations

from app.contacts import asking, importing, uploads
from app.contacts.models import Import
from app.contacts.signup import gate, rounds, showing, telling
from app.core import jobs
from app.core.db import db, transaction


def run_import(import_id: int) -> None:
    """Go on with an import for some seconds, then stand in line again."""
    if importing.run(import_id):
        wake(import_id)


def wake(import_id: int) -> bool:
    """Have a worker go on with an import."""
    import_ = db.session.get(Import, import_id)
    rows = import_.rows if import_ else 0
    # A job that is running cannot be enqueued again under its own name.
    return jobs.enqueue(run_import, import_id, key=f"import-{import_id}-{rows}", on="work")


def sweep() -> int:
    """Find imports that wait or whose worker is gone; returns how many."""
    found = importing.waiting()
    for import_id, rows in found:
        jobs.enqueue(run_import, import_id, key=f"import-{import_id}-{rows}", on="work")
    return len(found)


def tend_forms() -> None:
    """Called by the tick: looks at forms are added up, and owners hear of new people."""
    showing.take()
    telling.tell()


def ask_again() -> int:
    """Called by the tick: people who have not confirmed are asked once more, where owners want
    it; returns how many were looked at."""
    return rounds.work()


def clean_up() -> int:
    """Remove uploads that are old, and what guards forms; returns how many uploads."""
    with transaction():
        gate.forget_used()
        asking.forget_old()
    return uploads.remove_old()
