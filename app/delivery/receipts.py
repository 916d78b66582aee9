"""The receipt of a campaign: it always adds up."""

from __future__ import annotations

from dataclasses import dataclass, field

import sqlalchemy as sa

from app.core.db import db
from app.delivery.models import OPEN_STATES, Tally
from app.delivery.tallying import ENCRYPTED, IN_CLEAR


@dataclass(frozen=True)
class Receipt:
    """What became of everybody the campaign was meant for."""

    intended: int = 0
    sent: int = 0
    failed: int = 0
    uncertain: int = 0
    pending: int = 0
    """Waiting, sending, or waiting to be tried again: may still change by itself."""
    skipped: dict[str, int] = field(default_factory=dict)
    """By reason."""
    encrypted: int = 0
    in_clear: int = 0
    """Of those sent, how they went to the mail server; of some that is not known."""

    @property
    def encrypted_percent(self) -> int | None:
        """Whole percent, rounded down so that 100 means all; None where nothing is known."""
        known = self.encrypted + self.in_clear
        return 100 * self.encrypted // known if known else None

    @property
    def left_out(self) -> int:
        """All who were skipped."""
        return sum(self.skipped.values())


def receipt(campaign_id: int) -> Receipt:
    """Read from the kept counters, in one statement, so that the parts belong together."""
    rows = db.session.execute(
        sa.select(Tally.state, Tally.reason, Tally.n).where(Tally.campaign_id == campaign_id)
    ).all()
    counts: dict[str, int] = {}
    skipped: dict[str, int] = {}
    ways: dict[str, int] = {}
    for state, reason, n in rows:
        if state == "skipped":
            skipped[reason] = skipped.get(reason, 0) + n
        if state == "sent":
            ways[reason] = n
        name = "pending" if state in OPEN_STATES else state
        counts[name] = counts.get(name, 0) + n
    return Receipt(
        intended=sum(counts.values()),
        sent=counts.get("sent", 0),
        failed=counts.get("failed", 0),
        uncertain=counts.get("uncertain", 0),
        pending=counts.get("pending", 0),
        skipped={reason: n for reason, n in sorted(skipped.items()) if n},
        encrypted=ways.get(ENCRYPTED, 0),
        in_clear=ways.get(IN_CLEAR, 0),
    )
