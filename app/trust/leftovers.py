"""Where people may have written an address down to the operator, for when its person is erased."""

from __future__ import annotations

from app.contacts.erasing import ACCOUNT, Place
from app.trust.models import AbuseReport, Appeal, Suspension

PLACES = (
    Place(Appeal, ("text", "answer"), Appeal.account_id == ACCOUNT),
    Place(Suspension, ("reason", "end_words"), Suspension.account_id == ACCOUNT),
    Place(AbuseReport, ("text", "url", "answer"), AbuseReport.account_id == ACCOUNT),
)  # fmt: skip
