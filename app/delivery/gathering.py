"""The audience of a campaign, read once into a temporary table and copied from there in portions.

Reading it locks nobody out. A portion becomes a Batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from app.core.db import BigId

#: A row for each person, counted from 1.
_people = sa.table("plan_audience", sa.column("n", BigId), sa.column("contact_id", BigId))
#: A row for each portion, counted from 1. PostgreSQL hides temporary tables from other connections;
#: so packed, a portion can be handed to one.
_packs = sa.table(
    "plan_audience", sa.column("n", BigId), sa.column("people", postgresql.ARRAY(sa.BigInteger))
)


@dataclass(frozen=True)
class Portion:
    """People for one Batch."""

    given: dict[str, Any]
    """Parameters of `people`."""
    up_to: int
    """Contact.id of the last one."""


class Audience:
    """People in the order of their ids; `size` of them make a portion."""

    def __init__(self, connection: sa.Connection, size: int) -> None:
        self.connection, self.size = connection, size

    def __len__(self) -> int:
        """People."""
        return self.connection.scalar(sa.select(sa.func.max(_people.c.n))) or 0

    def note(self, chosen: sa.Select[int]) -> None:
        """Read it: `chosen` gives rising Contact.ids."""
        self.connection.execute(
            sa.text(
                "CREATE TEMPORARY TABLE plan_audience"
                " (n INTEGER PRIMARY KEY, contact_id BIGINT NOT NULL)"
            )
        )
        self.connection.execute(sa.insert(_people).from_select(["contact_id"], chosen))

    def portion(self, n: int) -> Portion:
        """The nth, from 1 on."""
        begin, end = (n - 1) * self.size + 1, n * self.size
        last = sa.select(sa.func.max(_people.c.contact_id)).where(_people.c.n.between(begin, end))
        return Portion({"begin": begin, "end": end}, self.connection.scalar(last) or 0)

    @staticmethod
    def people() -> sa.Select[int]:
        """Contact.id of the people of a portion above the parameter `above`, by rising id."""
        person = _people.c.contact_id
        within = _people.c.n.between(sa.bindparam("begin"), sa.bindparam("end"))
        # By their numbers, which the table is sorted by.
        return sa.select(person).where(within, person > sa.bindparam("above")).order_by(_people.c.n)

    def forget(self) -> None:
        """Drop it; nothing happens where it was never read."""
        self.connection.execute(sa.text("DROP TABLE IF EXISTS plan_audience"))


class PackedAudience(Audience):
    """As `Audience`, for PostgreSQL."""

    def __len__(self) -> int:
        sizes = sa.select(sa.func.sum(sa.func.cardinality(_packs.c.people)))
        return int(self.connection.scalar(sizes) or 0)

    def note(self, chosen: sa.Select[int]) -> None:
        person = next(iter(chosen.subquery().c))
        row = sa.func.row_number().over(order_by=person)
        numbered = sa.select(((row - 1) // self.size + 1).label("n"), person.label("id")).subquery()
        packed = postgresql.aggregate_order_by(numbered.c.id, numbered.c.id)
        self.connection.execute(
            sa.text("CREATE TEMPORARY TABLE plan_audience (n BIGINT, people BIGINT[])")
        )
        self.connection.execute(
            sa.insert(_packs).from_select(
                ["n", "people"],
                sa.select(numbered.c.n, sa.func.array_agg(packed)).group_by(numbered.c.n),
            )
        )

    def portion(self, n: int) -> Portion:
        # As text, so that no list of thousands is made of it.
        people = sa.cast(_packs.c.people, sa.Text)
        last = _packs.c.people[sa.func.cardinality(_packs.c.people)]
        row = self.connection.execute(sa.select(people, last).where(_packs.c.n == n)).one()
        return Portion({"people": row[0]}, row[1])

    @staticmethod
    def people() -> sa.Select[int]:
        given = sa.cast(sa.bindparam("people", type_=sa.Text), postgresql.ARRAY(sa.BigInteger))
        person: sa.ColumnElement[int] = sa.func.unnest(given).column_valued("person")
        # In the order of the array, for nothing reorders them.
        return sa.select(person).where(person > sa.bindparam("above"))
