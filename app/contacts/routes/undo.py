"""Undoing an import: what it would do, in numbers, then doing it."""

from __future__ import annotations

from typing import Any

from flask import make_response, render_template
from flask.typing import ResponseReturnValue

from app.accounts import auditing
from app.auth.current import current_account, current_member, needs
from app.contacts import jobs, queries, undoing
from app.contacts.models import Import, ImportJournal
from app.contacts.routes.blueprint import bp
from app.core.db import transaction
from app.core.errors import NotFound
from app.core.fragments import see_other


@bp.get("/imports/<int:import_id>/undo")
@needs("contacts.change")
def show_undo(import_id: int) -> ResponseReturnValue:
    """What an undo would do, does or did; nothing is asked for by looking."""
    import_, journal = _found(import_id)
    if journal.state == "kept":
        return see_other("contacts.show_import", import_id=import_id)
    return render_template("contacts/undo.html", **_shown(import_, journal))


@bp.get("/imports/<int:import_id>/undo/progress")
@needs("contacts.change")
def undo_progress(import_id: int) -> ResponseReturnValue:
    """How far the counting or the undo is; the whole page once that is over."""
    import_, journal = _found(import_id)
    response = make_response(render_template("contacts/_undo.html", **_shown(import_, journal)))
    if journal.state not in undoing.WORKING:
        response.headers["HX-Refresh"] = "true"
    return response


@bp.post("/imports/<int:import_id>/undo/count")
def count_undo(import_id: int) -> ResponseReturnValue:
    """Find out in the background what an undo would do."""
    with transaction():
        import_ = queries.import_(current_account(), import_id)
        undoing.count(import_, member_id=current_member().id)
    jobs.wake_undo(import_id)
    return see_other("contacts.show_undo", import_id=import_id)


@bp.post("/imports/<int:import_id>/undo")
def start_undo(import_id: int) -> ResponseReturnValue:
    """Undo it in the background."""
    with transaction():
        import_ = queries.import_(current_account(), import_id)
        undoing.start(import_, member_id=current_member().id)
        auditing.note(current_account(), current_member(), "import.undo", f"import {import_id}")
    jobs.wake_undo(import_id)
    return see_other("contacts.show_undo", import_id=import_id)


def _found(import_id: int) -> tuple[Import, ImportJournal]:
    import_ = queries.import_(current_account(), import_id)
    journal = undoing.journal_of(import_)
    if journal is None:
        raise NotFound("The journal of this import")
    return import_, journal


def _shown(import_: Import, journal: ImportJournal) -> dict[str, Any]:
    numbers = dict.fromkeys(undoing.NUMBERS, 0) | journal.numbers
    return {
        "import_": import_,
        "journal": journal,
        "numbers": numbers,
        "stay": sum(number for name, number in numbers.items() if name.startswith("stay_")),
        "can_begin": undoing.can_begin(import_, journal),
    }
