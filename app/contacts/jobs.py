"""Imports in the background."""

from __future__ import annotations

from app.contacts import importing, journal, undoing, uploads
from app.contacts.models import Import
from app.core import jobs
from app.core.db import db


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


def run_undo(import_id: int) -> None:
    """Go on with undoing an import, or with counting what that would do, for some seconds."""
    if undoing.run(import_id):
        wake_undo(import_id)


def wake_undo(import_id: int) -> bool:
    """Have a worker go on with an undo."""
    for found, after in undoing.waiting():
        if found == import_id:
            return _wake_undo(found, after)
    return False


def _wake_undo(import_id: int, after: int) -> bool:
    return jobs.enqueue(run_undo, import_id, key=f"undo-{import_id}-{after}", on="work")


def sweep() -> int:
    """Find imports and undos that wait or whose worker is gone; returns how many."""
    found = importing.waiting()
    for import_id, rows in found:
        jobs.enqueue(run_import, import_id, key=f"import-{import_id}-{rows}", on="work")
    undos = undoing.waiting()
    for import_id, after in undos:
        _wake_undo(import_id, after)
    return len(found) + len(undos)


def clean_up() -> int:
    """Remove uploads and journals of imports that are old; returns how many."""
    return uploads.remove_old() + journal.drop_old()
