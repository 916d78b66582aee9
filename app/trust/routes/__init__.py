"""HTTP of trust: what is kept how long."""

from app.trust.routes import keeping
from app.trust.routes.blueprint import bp

__all__ = ["bp", "keeping"]
