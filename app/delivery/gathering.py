"""The audience of a campaign, read once into a temporary table and copied from there in portions.

Reading it locks nobody out. A portion becomes a Batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from app.core.db import BigId

#: A row for each person, counted from 1.
_people = sa.table("plan_audience", sa.column("n", BigId), sa.column("contact_id", BigId))
_NUMBER = {
    "postgresql": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    "sqlite": "INTEGER PRIMARY KEY",
}


@dataclass(frozen=True)
class Portion:
    """People for one Batch."""

    begin: int
    """Number of the first one, from 1 on."""
    size: int
    up_to: int
    """Contact.id of the last one."""


def note(connection: sa.Connection, chosen: sa.Select[int]) -> None:
    """Read it: `chosen` gives rising Contact.ids."""
    number = _NUMBER[connection.dialect.name]
    connection.execute(
        sa.text(f"CREATE TEMPORARY TABLE plan_audience (n {number}, contact_id BIGINT NOT NULL)")
    )
    connection.execute(sa.insert(_people).from_select(["contact_id"], chosen))


def count(connection: sa.Connection) -> int:
    """People in it."""
    return connection.scalar(sa.select(sa.func.max(_people.c.n))) or 0


def portion(connection: sa.Connection, begin: int, size: int) -> Portion:
    """People from that number on; fewer than `size` at the end."""
    found = connection.execute(
        sa.select(sa.func.count(), sa.func.max(_people.c.contact_id)).where(
            _people.c.n.between(begin, begin + size - 1)
        )
    ).one()
    return Portion(begin, *found)


def people() -> sa.Select[int, int]:
    """Contact.id of the people of a portion, and ids for their Deliveries. Parameters: `begin` and
    `size` of the portion, `above` which Contact.id, `before` which id of a Delivery."""
    person, begin = _people.c.contact_id, sa.bindparam("begin", type_=BigId)
    end = begin + sa.bindparam("size", type_=BigId) - 1
    number = _people.c.n - begin + 1 + sa.bindparam("before", type_=BigId)
    return (
        sa.select(person, number)
        .where(_people.c.n.between(begin, end), person > sa.bindparam("above"))
        .order_by(_people.c.n)  # the table is sorted by it
    )


def forget(connection: sa.Connection) -> None:
    """Drop it; nothing happens where it was never read."""
    connection.execute(sa.text("DROP TABLE IF EXISTS plan_audience"))
