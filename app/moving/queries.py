"""What the pages of moving read, through the account."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from app.accounts.models import Account
from app.core.db import db
from app.core.owning import owned
from app.moving.models import Takein, Takeout

SHOWN = 10


def takeout(account: Account, takeout_id: int) -> Takeout:
    """Raises NotFound."""
    return owned(Takeout, account.id, takeout_id, "The take-out")


def takein(account: Account, takein_id: int) -> Takein:
    """Raises NotFound."""
    return owned(Takein, account.id, takein_id, "The take-in")


def takeouts(account: Account) -> Sequence[Takeout]:
    """The last ones, newest first."""
    return db.session.scalars(
        sa.select(Takeout)
        .where(Takeout.account_id == account.id)
        .order_by(Takeout.id.desc())
        .limit(SHOWN)
    ).all()


def takeins(account: Account) -> Sequence[Takein]:
    """The last ones, newest first."""
    return db.session.scalars(
        sa.select(Takein)
        .where(Takein.account_id == account.id)
        .order_by(Takein.id.desc())
        .limit(SHOWN)
    ).all()
