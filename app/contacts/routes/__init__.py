"""HTTP of contacts."""

from app.contacts.routes import (
    confirming,
    custom_fields,
    imports,
    ledger,
    lists,
    never_mailed,
    people,
    segment_building,
    segments,
)
from app.contacts.routes.blueprint import bp

__all__ = [
    "bp",
    "confirming",
    "custom_fields",
    "imports",
    "ledger",
    "lists",
    "never_mailed",
    "people",
    "segment_building",
    "segments",
]
