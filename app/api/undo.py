"""What the API says about undoing an import."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from app.contacts import undoing
from app.contacts.models import Import, ImportJournal
from app.core.errors import NotFound


class UndoOut(TypedDict):
    """An undo and what it did with people so far."""

    id: Annotated[int, {"description": "Of the import."}]
    state: Literal["kept", "counting", "counted", "undoing", "undone"]
    removed: Annotated[int, {"minimum": 0, "description": "People whom the import brought."}]
    restored: Annotated[int, {"minimum": 0, "description": "People who got values back."}]
    lifted: Annotated[int, {"minimum": 0, "description": "Suppressions by this file alone."}]
    left: Annotated[
        dict[str, int],
        {"description": "People who stay as they are: mailed, acted, changed, imported, later."},
    ]


def journal(import_: Import) -> ImportJournal:
    """Raises NotFound where the import can no longer be undone and was not."""
    found = undoing.journal_of(import_)
    if found is None:
        raise NotFound("The journal of this import")
    return found


def shown(journal: ImportJournal) -> UndoOut:
    """An undo."""
    numbers = journal.numbers
    reasons = ("mailed", "acted", "changed", "imported")
    left = {reason: numbers.get(f"stay_{reason}", 0) for reason in reasons}
    return {
        "id": journal.import_id,
        "state": journal.state,  # type: ignore[typeddict-item]
        "removed": numbers.get("removed", 0),
        "restored": numbers.get("restored", 0),
        "lifted": numbers.get("lifted", 0),
        "left": left | {"later": numbers.get("left", 0)},
    }
