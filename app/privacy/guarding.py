"""What keeps published versions of the policy as they are."""

from __future__ import annotations

from app.core.guarding import Guard

VERSIONS = Guard(
    "policy_version",
    "A published version of the privacy policy is never changed.",
    "policy_version_guard",
    stands="1 = 1",
)
