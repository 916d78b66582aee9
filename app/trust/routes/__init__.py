"""HTTP of trust: what is kept how long, standing, abuse."""

from app.trust.routes import abuse, closing, keeping, person_requests, standing
from app.trust.routes.blueprint import bp

__all__ = ["abuse", "bp", "closing", "keeping", "person_requests", "standing"]
