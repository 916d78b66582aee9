"""HTTP of staff: the operator's console, and the mail that the local catcher kept."""

from app.staff.routes import backups, catcher, keeping, policy, visits
from app.staff.routes.blueprint import bp

__all__ = ["backups", "bp", "catcher", "keeping", "policy", "visits"]
