"""HTTP of staff: the operator's console, and the mail that the local catcher kept."""

from app.staff import panel_abuse, panels_billing, panels_desk, panels_own
from app.staff.routes import (
    abuse,
    access,
    backups,
    catcher,
    customers,
    desk,
    house,
    incidents,
    keeping,
    network,
    people,
    plans,
    policy,
    registers,
    relay,
    requests,
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
    "house",
    "incidents",
    "keeping",
    "network",
    "panel_abuse",
    "panels_billing",
    "panels_desk",
    "panels_own",
    "people",
    "plans",
    "policy",
    "registers",
    "relay",
    "requests",
    "visits",
]
