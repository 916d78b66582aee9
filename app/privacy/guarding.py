"""What keeps published versions of the policy, and entries of the register of disclosures."""

from __future__ import annotations

from app.core.guarding import Guard, alike, equal
from app.privacy.models import Disclosure

VERSIONS = Guard(
    "policy_version",
    "A published version of the privacy policy is never changed.",
    "policy_version_guard",
    stands="1 = 1",
)
#: What a second person fills in, once.
DECIDED = ("state", "decided_by_id", "decided_at", "decision")
#: May change later: until they are told, a court can lift or prolong what bars it.
LATER = ("told_at", "bar_reason", "barred_until", "account_id")


def _allowed(dialect: str) -> str:
    kept = [
        column.name
        for column in Disclosure.__table__.columns
        if column.name not in (*DECIDED, *LATER)
    ]
    told = f"OLD.told_at IS NULL OR ({alike(LATER[:-1], dialect)})"
    account = f"NEW.account_id {equal(dialect)} OLD.account_id OR NEW.account_id IS NULL"
    decided = f"OLD.state = 'waiting' OR ({alike(DECIDED, dialect)})"
    return f"{alike(kept, dialect)} AND ({decided}) AND ({told}) AND ({account})"


DISCLOSURES = Guard(
    "disclosure",
    "The register of disclosures is only added to.",
    "disclosure_guard",
    stands="1 = 1",
    changes=_allowed,
)
GUARDS = (VERSIONS, DISCLOSURES)
