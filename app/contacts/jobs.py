"""Imports in the background."""

from __future__ import annotations

from app.contacts import bulk_actions, importing, uploads
from app.contacts.models import BulkAction, Import
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


def run_bulk(action_id: int) -> None:
    """Go on with a bulk action for some seconds, then stand in line again."""
    if bulk_actions.run(action_id):
        wake_bulk(action_id)


def wake_bulk(action_id: int) -> bool:
    """Have a worker go on with a bulk action."""
    action = db.session.get(BulkAction, action_id)
    key = f"bulk-{action_id}-{action.state}-{action.walked}" if action else f"bulk-{action_id}"
    return jobs.enqueue(run_bulk, action_id, key=key, on="work")


def sweep() -> int:
    """Find imports and bulk actions that wait or whose worker is gone; returns how many."""
    found = importing.waiting()
    for import_id, rows in found:
        jobs.enqueue(run_import, import_id, key=f"import-{import_id}-{rows}", on="work")
    due = bulk_actions.due()
    for action_id, _ in due:
        wake_bulk(action_id)
    return len(found) + len(due)


def clean_up() -> int:
    """Remove uploads that are old, and what bulk actions need no more; returns how many."""
    return uploads.remove_old() + bulk_actions.forget_old()
