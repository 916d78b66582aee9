"""The wall between accounts: a row is loaded through the account it belongs to, or not at all."""

from __future__ import annotations

from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.sql.base import ExecutableOption

from app.core.db import Base, db
from app.core.errors import NotFound

Row = TypeVar("Row", bound=Base)
#: More than any row has, and than a database takes.
LARGEST = 1 << 62


def owned(
    model: type[Row], account_id: int, row_id: int, what: str, *options: ExecutableOption
) -> Row:
    """A row of an account by its id. Raises NotFound, for another account's row as well.

    `what` begins the message: "That sender".
    """
    table: Any = model
    if row_id >= LARGEST:
        raise NotFound(what)
    found = db.session.scalar(
        sa.select(model).where(table.id == row_id, table.account_id == account_id).options(*options)
    )
    if found is None:
        raise NotFound(what)
    return found
