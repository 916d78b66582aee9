"""Whether an account may send, and whether its people may work in it.

The operator bars an account with a reason (`app.trust.suspending`); here stands only what
follows from it, for whoever has to ask.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from app.accounts.models import Account
from app.core.db import db
from app.core.errors import DomainError

#: Of Account.barred.
SENDING, ACCESS, CLOSING = "sending", "access", "closing"


class Barred(DomainError):
    """The operator has suspended this account's sending."""

    status = 403

    def __init__(self) -> None:
        super().__init__(
            "Sending is suspended, or this account is being closed. Settings, Standing, says why."
        )


def demand_sending(account: Account) -> None:
    """Raises Barred. Reads the row anew: somebody may have suspended it a moment ago."""
    if not _is_clear(account.id):
        raise Barred


def _is_clear(account_id: int) -> bool:
    return db.session.scalar(sa.select(Account.barred).where(Account.id == account_id)) == ""


def is_shown(account: Account) -> bool:
    """Whether strangers may read what the account shows them."""
    return account.state == "active" and not account.barred


def shown() -> sa.ColumnElement[bool]:
    """The same, as a condition on Account."""
    return sa.and_(Account.state == "active", Account.barred == "")


def may_send(account_id: Any) -> sa.Exists:
    """As a condition, with a column or a number."""
    return sa.exists().where(Account.id == account_id, Account.barred == "")
