"""Reading with a limit on time, so that a question that turns out to be large waits elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from app.core.db import db

#: SQLite looks at the clock after so many steps of its machine; a few microseconds' worth.
STEPS = 2_000


class OverBudget(Exception):
    """The answer would have taken longer."""


@contextmanager
def limited(seconds: float) -> Iterator[sa.Connection]:
    """A connection of its own for reading; raises OverBudget where the time is up.

    On PostgreSQL each statement has so long.
    """
    with db.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        if connection.dialect.name == "sqlite":
            end = time.monotonic() + seconds
            driver.set_progress_handler(lambda: time.monotonic() > end, STEPS)
        else:
            connection.exec_driver_sql(
                f"SET LOCAL statement_timeout = {max(1, int(seconds * 1e3))}"
            )
        try:
            yield connection
        except sa.exc.OperationalError as error:
            if _is_over(error):
                raise OverBudget from None
            raise
        finally:
            if connection.dialect.name == "sqlite":
                driver.set_progress_handler(None, 0)


def _is_over(error: sa.exc.OperationalError) -> bool:
    cancelled = getattr(error.orig, "sqlstate", None) == "57014"
    return cancelled or str(error.orig) == "interrupted"
