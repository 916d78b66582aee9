"""Why people left, where they told afterwards."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from app.accounts.models import Account
from app.contacts.models import LeavingReason
from app.contacts.text import clean_note, mask_card_numbers
from app.core.db import db
from app.preferences import centre
from app.preferences.guests import Guest

REASONS = ("often", "unexpected", "unasked", "useless", "other")
#: For owners.
WORDS = {
    "often": "Too many mails",
    "unexpected": "Not what they expected",
    "unasked": "Never asked for it",
    "useless": "Do not need it any more",
    "other": "Something else",
}
WORDS_LENGTH = 500


def asked(account: Account) -> tuple[str, ...]:
    """The answers that are offered to who has left; none where the account does not ask."""
    return REASONS if centre.of(account).with_reasons else ()


def tell(guest: Guest, reason: str, words: str = "") -> bool:
    """Note the reason of somebody who has left; a later one replaces it. False where there is
    nothing to note."""
    if guest.contact is None or reason not in REASONS or not guest.is_out:
        return False
    campaign_id = guest.mail.campaign.id if guest.mail else None
    db.session.execute(sa.delete(LeavingReason).where(LeavingReason.contact_id == guest.contact.id))
    db.session.add(
        LeavingReason(
            account_id=guest.account.id, campaign_id=campaign_id, contact_id=guest.contact.id,
            reason=reason, words=mask_card_numbers(clean_note(words)[:WORDS_LENGTH]),
        )
    )  # fmt: skip
    db.session.flush()
    return True


def of_campaign(campaign_id: int) -> dict[str, int]:
    """How many gave which reason, the most frequent first."""
    return _counted(LeavingReason.campaign_id == campaign_id)


def of_account(account: Account, since: datetime) -> dict[str, int]:
    """As `of_campaign`, of all that left since then."""
    return _counted(LeavingReason.account_id == account.id, LeavingReason.at > since)


def in_words(*, campaign_id: int, limit: int = 20) -> list[LeavingReason]:
    """What they wrote, the latest first."""
    query = (
        sa.select(LeavingReason)
        .where(LeavingReason.campaign_id == campaign_id, LeavingReason.words != "")
        .order_by(LeavingReason.id.desc())
        .limit(limit)
    )
    return list(db.session.scalars(query))


def _counted(*conditions: sa.ColumnElement[bool]) -> dict[str, int]:
    n = sa.func.count()
    rows = db.session.execute(
        sa.select(LeavingReason.reason, n)
        .where(*conditions)
        .group_by(LeavingReason.reason)
        .order_by(n.desc(), LeavingReason.reason)
    )
    return {row[0]: row[1] for row in rows}
