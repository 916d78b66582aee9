"""The audience of a campaign, read once into a temporary table and copied from there in portions.

Reading it locks nobody out. A portion becomes a Batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from app.core.db import BigId

#: A row for each person, counted from 1.
_people = sa.table("plan_audience", sa.column("n", BigId), sa.column("contact_id", BigId))


@dataclass(frozen=True)
class Portion:
    """People for one Batch."""

    number: int
    """Which one of those asked for, from 0 on."""
    size: int
    up_to: int
    """Contact.id of the last one."""


def note(connection: sa.Connection, chosen: sa.Select[int]) -> None:
    """Read it: `chosen` gives rising Contact.ids."""
    is_sqlite = connection.dialect.name == "sqlite"
    number = "INTEGER PRIMARY KEY" if is_sqlite else "BIGINT NOT NULL"
    connection.execute(
        sa.text(f"CREATE TEMPORARY TABLE plan_audience (n {number}, contact_id BIGINT NOT NULL)")
    )
    if is_sqlite:
        connection.execute(sa.insert(_people).from_select(["contact_id"], chosen))
        return
    # Counting the rows that come takes half as long as asking a sequence for each, and an index
    # of what is there a third of one that grows with it.
    found = chosen.subquery()
    person = found.c[0]
    counted = sa.select(sa.func.row_number().over(order_by=person), person)
    connection.execute(sa.insert(_people).from_select(["n", "contact_id"], counted))
    connection.execute(sa.text("CREATE UNIQUE INDEX ix_plan_audience ON plan_audience (n)"))


def count(connection: sa.Connection) -> int:
    """People in it."""
    return connection.scalar(sa.select(sa.func.max(_people.c.n))) or 0


def first_of(connection: sa.Connection, begin: int, size: int, above: int, most: int) -> int:
    """How many numbers from `begin` on, of `size`, hold the first `most` people above a
    Contact.id."""
    in_it = _people.c.n.between(begin, begin + size - 1)
    first = connection.scalar(
        sa.select(sa.func.min(_people.c.n)).where(in_it, _people.c.contact_id > above)
    )
    return size if first is None else min(size, first - begin + most)


def portions(
    connection: sa.Connection, begin: int, size: int, *, each: int, above: int
) -> list[Portion]:
    """Of so many people from number `begin` on, those above a Contact.id, `each` to a Batch. One of
    which nobody is left is left out."""
    number = ((_people.c.n - begin) // each).label("number")
    rows = connection.execute(
        sa.select(number, sa.func.count(), sa.func.max(_people.c.contact_id))
        .where(_people.c.n.between(begin, begin + size - 1), _people.c.contact_id > above)
        .group_by(number)
        .order_by(number)
    )
    return [Portion(*row) for row in rows]


def people() -> sa.Select[int, int, int]:
    """Contact.id, an id for their Delivery and their Batch.id, for the same people. Parameters:
    `begin`, `size`, `each` and `above` as before, `first_id` and `first_batch`."""

    def given(name: str) -> sa.BindParameter[int]:
        return sa.bindparam(name, type_=BigId)

    person, place = _people.c.contact_id, _people.c.n - given("begin")
    return (
        sa.select(person, place + given("first_id"), place // given("each") + given("first_batch"))
        .where(
            _people.c.n.between(given("begin"), given("begin") + given("size") - 1),
            person > given("above"),
        )
        .order_by(_people.c.n)  # the table is sorted by it
    )


def forget(connection: sa.Connection) -> None:
    """Drop it; nothing happens where it was never read."""
    connection.execute(sa.text("DROP TABLE IF EXISTS plan_audience"))
