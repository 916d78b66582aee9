"""HTTP of contacts, and of the forms by which people sign up."""

from app.contacts.routes import (
    confirming,
    custom_fields,
    imports,
    lists,
    never_mailed,
    people,
    reminding,
    signing_up,
    signup_forms,
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
    "reminding",
    "signing_up",
    "signup_forms",
]
