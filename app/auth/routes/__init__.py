"""HTTP of auth: registering, signing in, and one's own profile and security."""

from app.auth.routes import entering, second_factor, security
from app.auth.routes.blueprint import bp

__all__ = ["bp", "entering", "second_factor", "security"]
