"""HTTP of contacts."""

from app.contacts.routes import (
    confirming,
    custom_fields,
    imports,
    lists,
    never_mailed,
    people,
    undo,
)
from app.contacts.routes.blueprint import bp

__all__ = [
    "bp",
    "confirming",
    "custom_fields",
    "imports",
    "lists",
    "never_mailed",
    "people",
    "undo",
]
