"""A sent campaign of Alice's bakery, as in the tests of tracking."""

from __future__ import annotations

from tests.tracking.conftest import fresh_memory, sent

__all__ = ["fresh_memory", "sent"]
