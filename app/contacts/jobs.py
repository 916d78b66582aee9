"""Imports, bulk actions, counts and the record of consents, in the background."""

from __future__ import annotations

from app.contacts import (
    bulk_actions,
    chaining,
    checking,
    erasing,
    importing,
    preparing,
    undoing,
    verifying,
    vetting,
)
from app.contacts.models import BulkAction, Import
from app.contacts.segments import counting
from app.contacts.signup import rounds, showing, telling
from app.core import jobs
from app.core.db import db, transaction


def run_import(import_id: int) -> None:
    """Go on with an import for some seconds, then stand in line again."""
    if not vetting.look(import_id) and importing.run(import_id):
        wake(import_id)


def read_import(import_id: int) -> None:
    """Turn the file of an import into CSV, and go on with what was asked for."""
    preparing.run(import_id)
    wake(import_id)


def check_import(import_id: int) -> None:
    """Go on with a dry run for some seconds, then stand in line again."""
    if checking.run(import_id):
        wake(import_id)


def wake(import_id: int) -> bool:
    """Have a worker go on with an import, whatever it waits for."""
    import_ = db.session.get(Import, import_id, populate_existing=True)
    state = import_.state if import_ else ""
    if state == "reading":
        return jobs.enqueue(read_import, import_id, key=f"read-{import_id}", on="work")
    if import_ and state == "checking":
        return _check(import_id, int((import_.checked or {}).get("rows", 0)))
    if state in ("queued", "running"):
        return _run(import_id, import_.rows if import_ else 0)
    return False


# A job that is running cannot be enqueued again under its own name, so names have the row in them.
def _run(import_id: int, rows: int) -> bool:
    return jobs.enqueue(run_import, import_id, key=f"import-{import_id}-{rows}", on="work")


def count_segment(count_id: int) -> None:
    """Count the people whom a rule fits, and remember it."""
    with transaction():
        row = counting.claim(count_id)
    if row is None:
        return
    result = counting.work(row)
    with transaction():
        counting.settle(count_id, result)


def wake_count(count_id: int) -> bool:
    """Have a worker count."""
    return jobs.enqueue(count_segment, count_id, key=f"count-{count_id}", on="work")


def count_segments() -> int:
    """Find counts that no worker came for; returns how many."""
    found = counting.waiting()
    for count_id in found:
        wake_count(count_id)
    return len(found)


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


def tend_forms() -> None:
    """Called by the tick: looks at forms are added up, and owners hear of new people."""
    showing.take()
    telling.tell()


def ask_again() -> int:
    """Called by the tick: people who have not confirmed are asked once more, where owners want
    it; returns how many were looked at."""
    return rounds.work()


def _check(import_id: int, rows: int) -> bool:
    return jobs.enqueue(check_import, import_id, key=f"check-{import_id}-{rows}", on="work")


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
    """Find files, undos and bulk actions that wait or whose worker is gone; returns how many."""
    found, checks, files = importing.waiting(), checking.waiting(), preparing.waiting()
    for import_id, rows in found:
        _run(import_id, rows)
    for import_id, rows in checks:
        _check(import_id, rows)
    for import_id in files:
        jobs.enqueue(read_import, import_id, key=f"read-{import_id}", on="work")
    due = bulk_actions.due()
    for action_id, _ in due:
        wake_bulk(action_id)
    undos = undoing.waiting()
    for import_id, after in undos:
        _wake_undo(import_id, after)
    return len(found) + len(checks) + len(files) + len(due) + len(undos)


def clean_up() -> int:
    """Drop counts of segments that nobody asked for lately; returns how many."""
    with transaction():
        return counting.forget_old()


def keep_ledger() -> int:
    """Seal new consents, finish erasures, verify where somebody asked; returns how much it was."""
    done = erasing.sweep()
    for account_id in chaining.due():
        done += chaining.seal(account_id)
    for account_id in verifying.asked():
        verifying.check(account_id)
        done += 1
    return done
