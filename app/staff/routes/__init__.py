"""HTTP of staff: the operator's console, and the mail that the local catcher kept."""

from app.staff import panels_own
from app.staff.routes import (
    abuse,
    access,
    backups,
    catcher,
    customers,
    desk,
    keeping,
    people,
    policy,
    visits,
)
from app.staff.routes.blueprint import bp

__all__ = [
    "abuse",
    "access",
    "backups",
    "bp",
    "catcher",
    "customers",
    "desk",
    "keeping",
    "panels_own",
    "people",
    "policy",
    "visits",
]
