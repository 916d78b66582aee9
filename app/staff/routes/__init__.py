"""HTTP of staff: the operator's console, and the mail that the local catcher kept."""

from app.staff import panels_own
from app.staff.routes import (
    access,
    backups,
    catcher,
    customers,
    house,
    keeping,
    people,
    policy,
    visits,
)
from app.staff.routes.blueprint import bp

__all__ = [
    "access",
    "backups",
    "bp",
    "catcher",
    "customers",
    "house",
    "keeping",
    "panels_own",
    "people",
    "policy",
    "visits",
]
