"""Imports in the background: read, checked, taken in."""

from __future__ import annotations

from app.contacts import checking, importing, preparing, uploads
from app.contacts.models import Import
from app.core import jobs
from app.core.db import db


def run_import(import_id: int) -> None:
    """Go on with an import for some seconds, then stand in line again."""
    if importing.run(import_id):
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


def _check(import_id: int, rows: int) -> bool:
    return jobs.enqueue(check_import, import_id, key=f"check-{import_id}-{rows}", on="work")


def sweep() -> int:
    """Find imports that wait or whose worker is gone; returns how many."""
    found, checks, files = importing.waiting(), checking.waiting(), preparing.waiting()
    for import_id, rows in found:
        _run(import_id, rows)
    for import_id, rows in checks:
        _check(import_id, rows)
    for import_id in files:
        jobs.enqueue(read_import, import_id, key=f"read-{import_id}", on="work")
    return len(found) + len(checks) + len(files)


def clean_up() -> int:
    """Remove uploads that are old; returns how many."""
    return uploads.remove_old()
