"""HTTP of privacy: the policy and its versions, who follows them, and what a person agreed to."""

from app.privacy.routes import data, following, policy, registers
from app.privacy.routes.blueprint import bp
from app.privacy.routes.policy import asking_first

__all__ = ["asking_first", "bp", "data", "following", "policy", "registers"]
