"""Imports, and the record of consents, in the background."""

from __future__ import annotations

from app.contacts import chaining, erasing, importing, uploads, verifying
from app.contacts.models import Import
from app.contacts.segments import counting
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


def sweep() -> int:
    """Find imports that wait or whose worker is gone; returns how many."""
    found = importing.waiting()
    for import_id, rows in found:
        jobs.enqueue(run_import, import_id, key=f"import-{import_id}-{rows}", on="work")
    return len(found)


def clean_up() -> int:
    """Remove uploads and forget counts that are old; returns how many."""
    with transaction():
        forgotten = counting.forget_old()
    return uploads.remove_old() + forgotten


def keep_ledger() -> int:
    """Seal new consents, finish erasures, verify where somebody asked; returns how much it was."""
    done = erasing.sweep()
    for account_id in chaining.due():
        done += chaining.seal(account_id)
    for account_id in verifying.asked():
        verifying.check(account_id)
        done += 1
    return done
