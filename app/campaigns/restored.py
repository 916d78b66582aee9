"""After a restore nothing is sent until somebody answers for it."""

from __future__ import annotations

import sqlalchemy as sa

from app.campaigns.models import Restoration
from app.core.clock import now
from app.core.db import db
from app.core.errors import WrongState


class NotConfirmed(WrongState):
    """A backup was restored, and nobody has said that campaigns may go on."""

    def __init__(self, restoration: Restoration) -> None:
        super().__init__(words(restoration))


def unconfirmed() -> Restoration | None:
    """The last restore that nobody answered for yet."""
    return db.session.scalar(
        sa.select(Restoration)
        .where(Restoration.confirmed_at.is_(None))
        .order_by(Restoration.id.desc())
        .limit(1)
    )


def words(restoration: Restoration) -> str:
    """Why nothing is sent."""
    return (
        f"This installation was restored from a backup of {restoration.made_at:%d %B %Y, %H:%M} "
        "UTC. Who left since then is not known, so nothing is sent until the operator says that "
        "it may be."
    )


def demand_confirmed() -> None:
    """Raises NotConfirmed."""
    if (found := unconfirmed()) is not None:
        raise NotConfirmed(found)


def confirm(by: str) -> int:
    """The operator answers for it; returns how many restores that was about."""
    done = db.session.execute(
        sa.update(Restoration)
        .where(Restoration.confirmed_at.is_(None))
        .values(confirmed_at=now(), confirmed_by=by)
    )
    return int(done.rowcount)  # type: ignore[attr-defined]
