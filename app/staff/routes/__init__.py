"""HTTP of staff: the operator's console, and the mail that the local catcher kept."""

from app.staff.routes import abuse, backups, catcher, keeping, policy, visits
from app.staff.routes.blueprint import bp

__all__ = ["abuse", "backups", "bp", "catcher", "keeping", "policy", "visits"]
