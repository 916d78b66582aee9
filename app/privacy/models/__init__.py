"""Rows of privacy: versions of the policy, what people agreed to, and the registers."""

from app.privacy.models.policy import (
    Acceptance,
    InventoryEntry,
    MemberConsent,
    PolicyDraft,
    PolicyFollower,
    PolicyMailing,
    PolicyVersion,
)
from app.privacy.models.registers import (
    Disclosure,
    Incident,
    IncidentAccount,
    IncidentNote,
    Processor,
)

__all__ = [
    "Acceptance",
    "Disclosure",
    "Incident",
    "IncidentAccount",
    "IncidentNote",
    "InventoryEntry",
    "MemberConsent",
    "PolicyDraft",
    "PolicyFollower",
    "PolicyMailing",
    "PolicyVersion",
    "Processor",
]
