"""HTTP of contacts, and of the forms by which people sign up."""

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
    reminding,
    segment_building,
    segments,
    signing_up,
    signup_forms,
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
    "reminding",
    "segment_building",
    "segments",
    "signing_up",
    "signup_forms",
]
