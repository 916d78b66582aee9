"""HTTP of campaigns: the list, the four stops of composing, and what one can do afterwards."""

from app.campaigns.routes import choosing, listing, looking, sending, steering, writing
from app.campaigns.routes.blueprint import bp

__all__ = ["bp", "choosing", "listing", "looking", "sending", "steering", "writing"]
