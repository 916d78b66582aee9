"""Who changed what in an account. Rows are only ever added."""

from __future__ import annotations

from app.accounts.models import Account, AuditEntry, Member
from app.core.db import db


def note(account: Account | None, member: Member | None, verb: str, about: str = "") -> None:
    """Add a line, in the transaction of the change itself.

    `verb` as in campaign.send; `about` as in "campaign 7": never an address of a recipient.
    """
    db.session.add(
        AuditEntry(
            account_id=account.id if account else None,
            member_id=member.id if member else None,
            verb=verb,
            about=about[:200],
        )
    )
