"""Chains: rows that are only added, each under a hash that holds the one before.

A row is inserted as any other. When its transaction ends, whatever has no place in a chain yet is
linked: the chain's head is locked last of all, so that nobody waits for it longer than a commit
takes, and two who end together come one behind the other. What somebody inserted past this, and
what was there before the chain, is linked by the tick.

    hash = SHA-256 of "hash of the row before", "place" and the row, a line each

A chain belongs to an account; what belongs to none makes up one chain of the installation. The
head says how long a chain is, so that a row missing at the end is noticed as well. Whoever owns
the database could write a whole chain anew: note a head elsewhere, and they cannot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core import canonical
from app.core.db import WRITE, Base, BigId, Id, db, dialect_name
from app.core.guarding import WITH_THE_ACCOUNT, Guard, alike

TOUCHED = "leadersend_chains_touched"
#: Rows linked by one statement.
AT_ONCE = 500
#: What is no content of a row.
_PLACE = ("link", "hash")


class Linked:
    """Columns of a row that stands in a chain; the table has `account_id` and `indexes` as well."""

    link: Mapped[int | None] = mapped_column(BigId)
    """Its place in the chain: 1, 2, 3 …; null until the transaction ends."""
    hash: Mapped[str | None] = mapped_column(sa.String(64))
    """Hex."""


def indexes(table: str) -> tuple[sa.Index, ...]:
    """What a table of a chain has in its `__table_args__`."""
    nobodys = sa.text("account_id IS NULL")
    free = sa.text("link IS NULL")
    return (
        sa.Index(f"ix_{table}_link", "account_id", "link", unique=True),
        sa.Index(
            f"ix_{table}_link_of_nobody", "link", unique=True,
            sqlite_where=nobodys, postgresql_where=nobodys,
        ),
        sa.Index(f"ix_{table}_free", "account_id", sqlite_where=free, postgresql_where=free),
    )  # fmt: skip


class ChainHead(Base):
    """How long a chain is, the hash of its last row, and what verifying it found."""

    __tablename__ = "chain_head"
    __table_args__ = (
        sa.UniqueConstraint("name", "account_id"),
        sa.Index(
            "ix_chain_head_of_nobody", "name", unique=True,
            sqlite_where=sa.text("account_id IS NULL"),
            postgresql_where=sa.text("account_id IS NULL"),
        ),
    )  # fmt: skip

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(sa.String(32))
    """Of the Chain."""
    account_id: Mapped[int | None] = mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"))
    links: Mapped[int] = mapped_column(default=0)
    hash: Mapped[str] = mapped_column(sa.String(64), default="")
    """Of the last row; empty before the first."""
    walked: Mapped[int] = mapped_column(default=0)
    """How far the tick has come since it began to verify anew."""
    walked_hash: Mapped[str] = mapped_column(sa.String(64), default="")
    checked_at: Mapped[datetime | None] = mapped_column()
    """When the whole chain was last verified."""
    checked_links: Mapped[int] = mapped_column(default=0)
    checked_hash: Mapped[str] = mapped_column(sa.String(64), default="")
    """The head as it was then: no later chain goes without it."""
    problem: Mapped[str] = mapped_column(sa.Text, default="")
    """What was found then; empty when everything was as it was written."""


def _only_grows(dialect: str) -> str:
    return f"NEW.links >= OLD.links AND {alike(('id', 'name', 'account_id'), dialect)}"


#: No chain is cut, at least not by mistake.
HEAD_GUARD = Guard(
    "chain_head",
    "A chain is only added to.",
    function="chain_head_guard",
    stands=f"OLD.account_id IS NULL OR {WITH_THE_ACCOUNT}",
    changes=_only_grows,
)


@dataclass(frozen=True)
class Chain:
    """A table whose rows are chained."""

    name: str
    """Up to 32 characters."""
    words: str
    """What it is to people: "the audit log"."""
    model: type[Base]

    @property
    def table(self) -> sa.Table:
        """Where the rows are."""
        found: sa.Table = self.model.__table__  # type: ignore[assignment]
        return found

    @property
    def content(self) -> list[str]:
        """The columns that are hashed: all but the place itself."""
        return [column.name for column in self.table.columns if column.name not in _PLACE]

    @property
    def guard(self) -> Guard:
        """Refuses every change but being linked, and every removal but with the account."""

        def changes(dialect: str) -> str:
            linked = "OLD.hash IS NULL AND length(NEW.hash) = 64 AND NEW.link IS NOT NULL"
            return f"{linked} AND {alike(self.content, dialect)}"

        return Guard(
            self.table.name,
            f"{self.words[0].upper()}{self.words[1:]} is only added to.",
            function=f"{self.table.name}_guard",
            stands=f"OLD.account_id IS NULL OR {WITH_THE_ACCOUNT}",
            changes=changes,
        )

    def of(self, account_id: int | None) -> sa.ColumnElement[bool]:
        """The condition for the rows of one chain."""
        column = self.table.c.account_id
        return column.is_(None) if account_id is None else column == account_id


def append(chain: Chain, row: Base) -> None:
    """Add a row, which gets its place when the transaction ends."""
    db.session.add(row)
    touched = db.session.info.setdefault(TOUCHED, {})
    touched[chain.name, row.account_id] = chain  # type: ignore[attr-defined]


def head(chain: Chain, account_id: int | None) -> ChainHead | None:
    """As the database has it now; None before the first row."""
    return db.session.scalar(
        _head(chain.name, account_id).execution_options(populate_existing=True)
    )


def loose(chain: Chain, *, limit: int = 100) -> Sequence[int | None]:
    """Accounts (None: nobody's) with rows that have no place yet."""
    table = chain.table
    query = sa.select(table.c.account_id).where(table.c.link.is_(None)).distinct().limit(limit)
    return db.session.scalars(query).all()


def link_up(chain: Chain, account_id: int | None) -> int:
    """Give every row without one its place, inside a transaction; returns how many."""
    session = db.session()
    if not _free(session, chain, account_id, limit=1):
        return 0
    last, done = _locked_head(session, chain, account_id), 0
    number, before = last.links, last.hash
    while rows := _free(session, chain, account_id, limit=AT_ONCE):
        places = []
        for row in rows:
            number += 1
            before = hash_of(before, number, canonical.row_text(chain.table, row))
            places.append({"row_id": row.id, "place": number, "now_hash": before})
        _write(session, chain.table, places)
        done += len(rows)
    session.execute(
        sa.update(ChainHead)
        .where(ChainHead.id == last.id)
        .values(links=number, hash=before)
        .execution_options(synchronize_session=False)
    )
    return done


def hash_of(before: str, number: int, text: str) -> str:
    """Of a row at its place, hex."""
    return hashlib.sha256(f"{before}\n{number}\n{text}".encode()).hexdigest()


def _head(name: str, account_id: int | None) -> sa.Select[ChainHead]:
    whose = ChainHead.account_id
    mine = whose.is_(None) if account_id is None else whose == account_id
    return sa.select(ChainHead).where(ChainHead.name == name, mine)


def _locked_head(session: Session, chain: Chain, account_id: int | None) -> sa.Row[int, int, str]:
    query = _head(chain.name, account_id).with_for_update().with_only_columns(
        ChainHead.id, ChainHead.links, ChainHead.hash
    )  # fmt: skip
    found = session.execute(query).one_or_none()
    if found is None:
        insert = (postgresql if dialect_name() == "postgresql" else sqlite).insert(ChainHead)
        values = {"name": chain.name, "account_id": account_id}
        session.execute(insert.values(values).on_conflict_do_nothing())
        found = session.execute(query).one()
    return found


def _free(
    session: Session, chain: Chain, account_id: int | None, *, limit: int
) -> Sequence[sa.Row[Any]]:
    table = chain.table
    query = (
        sa.select(*canonical.raw(table, chain.content))
        .where(chain.of(account_id), table.c.link.is_(None))
        .order_by(table.c.id)
        .limit(limit)
    )
    return session.connection().execute(query).all()


def _write(session: Session, table: sa.Table, places: list[dict[str, Any]]) -> None:
    statement = (
        sa.update(table)
        .where(table.c.id == sa.bindparam("row_id"), table.c.hash.is_(None))
        .values(link=sa.bindparam("place"), hash=sa.bindparam("now_hash"))
    )
    session.connection().execute(statement, places)


@event.listens_for(Session, "before_commit")
def _link_what_was_added(session: Session) -> None:
    touched = session.info.get(TOUCHED)
    if not touched or not session.info.get(WRITE) or session.in_nested_transaction():
        return
    session.flush()
    # In one order everywhere, so that two who touched the same chains do not wait crosswise.
    for (_name, account_id), chain in sorted(
        touched.items(), key=lambda item: (item[0][0], item[0][1] or 0)
    ):
        link_up(chain, account_id)
    touched.clear()
