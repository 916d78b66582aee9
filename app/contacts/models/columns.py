"""Columns that several tables share."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column


def plain(length: int) -> sa.types.TypeEngine[str]:
    """Compared byte by byte on both databases, so that "begins with" is a range of an index."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def account_key() -> Mapped[int]:
    return mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"))
