"""HTTP of auth: registering, signing in, and one's own profile and security."""

from app.auth.routes import entering, provider, second_factor, security
from app.auth.routes.blueprint import bp

__all__ = ["bp", "entering", "provider", "second_factor", "security"]
