"""HTTP of contacts."""

from app.contacts.routes import (
    bulk,
    clean_up,
    confirming,
    custom_fields,
    growth,
    histories,
    imports,
    ledger,
    lists,
    merging,
    never_mailed,
    people,
    segment_building,
    segments,
    undo,
)
from app.contacts.routes.blueprint import bp

__all__ = [
    "bp",
    "bulk",
    "clean_up",
    "confirming",
    "custom_fields",
    "growth",
    "histories",
    "imports",
    "ledger",
    "lists",
    "merging",
    "never_mailed",
    "people",
    "segment_building",
    "segments",
    "undo",
]
