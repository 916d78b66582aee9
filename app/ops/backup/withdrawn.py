"""What was taken back after a backup was made, carried over from the database that it replaces:
pages that everybody could read, links for outsiders, and being told of anything.

Nothing of it comes back to life because an older state was brought back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from app.campaigns.models import ArchivePage
from app.sharing.models import NeverTell, ShareLink

Rows = Sequence[Sequence[Any]]


def queries(connection: sa.Connection, start: datetime) -> Mapping[str, Any]:
    """What to read out of the old database; nothing where it is from before there was any."""
    if not sa.inspect(connection).has_table(NeverTell.__tablename__):
        return {}
    return {
        "hidden": sa.select(ArchivePage.campaign_id, ArchivePage.account_id, ArchivePage.choice)
        .where(ArchivePage.is_public.is_(False), ArchivePage.updated_at >= start),
        "revoked": sa.select(ShareLink.id, ShareLink.nonce, ShareLink.revoked_at)
        .where(ShareLink.revoked_at >= start),
        "never": sa.select(NeverTell.address_hash, NeverTell.at).where(NeverTell.at >= start),
    }  # fmt: skip


def carry_over(connection: sa.Connection, read: Callable[[str], Iterable[Rows]]) -> None:
    """Into the database that was restored; once more does no harm."""
    for rows in read("hidden"):
        for campaign_id, account_id, choice in rows:
            connection.execute(
                sa.update(ArchivePage)
                .where(ArchivePage.campaign_id == campaign_id, ArchivePage.account_id == account_id)
                .values(is_public=False, choice=choice)
            )
    for rows in read("revoked"):
        for link_id, nonce, at in rows:
            connection.execute(
                sa.update(ShareLink)
                .where(ShareLink.id == link_id, ShareLink.nonce == nonce)
                .values(revoked_at=datetime.fromisoformat(at))
            )
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    for rows in read("never"):
        for address_hash, at in rows:
            row = insert(NeverTell).values(address_hash=address_hash, at=datetime.fromisoformat(at))
            connection.execute(row.on_conflict_do_nothing())
