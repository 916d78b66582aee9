"""Triggers that make a table append-only, on both databases.

Whoever owns the database can drop a trigger; that is what chains and seals are for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from app.core.db import db, dialect_name

#: A row of an account goes with its account and not before.
WITH_THE_ACCOUNT = "EXISTS (SELECT 1 FROM account WHERE id = OLD.account_id)"
#: The same, or in slices once the account is being erased for good, which is never taken back.
UNTIL_ERASED = "EXISTS (SELECT 1 FROM account WHERE id = OLD.account_id AND erased_since IS NULL)"
_MOVES = ("changed", "removed")


@dataclass(frozen=True)
class Guard:
    """What may not be done to the rows of one table."""

    table: str
    words: str
    """What whoever tries is told; without quotes."""
    function: str
    """Name of what PostgreSQL's triggers call."""
    stands: str = WITH_THE_ACCOUNT
    """SQL about OLD: as long as it is true, the row is not removed."""
    changes: Callable[[str], str] | None = None
    """SQL about OLD and NEW, for a dialect: a change that is allowed after all."""

    def names(self, dialect: str) -> list[str]:
        """Of its triggers: against changing, against removing, and where a table can be emptied
        without removing rows (TRUNCATE), against that."""
        moves = (*_MOVES, "emptied") if dialect == "postgresql" else _MOVES
        return [f"{self.table}_is_not_{move}" for move in moves]

    def statements(self, dialect: str) -> list[str]:
        """What creates it; `dialect` is sqlite or postgresql."""
        return self._on_postgresql() if dialect == "postgresql" else self._on_sqlite()

    def dropping(self, dialect: str) -> list[str]:
        """What removes it."""
        if dialect == "postgresql":
            emptied = self.names(dialect)[-1]
            return [f"DROP FUNCTION {name}() CASCADE" for name in (self.function, emptied)]
        return [f"DROP TRIGGER {name}" for name in self.names(dialect)]

    def _on_sqlite(self) -> list[str]:
        refuse = f"BEGIN SELECT RAISE(ABORT, '{self.words}'); END"
        unless = f"WHEN NOT ({self.changes('sqlite')}) " if self.changes else ""
        changed, removed = self.names("sqlite")
        return [
            f"CREATE TRIGGER {changed} BEFORE UPDATE ON {self.table} {unless}{refuse}",
            f"CREATE TRIGGER {removed} BEFORE DELETE ON {self.table} WHEN {self.stands} {refuse}",
        ]

    def _on_postgresql(self) -> list[str]:
        refuse = f"RAISE EXCEPTION '{self.words}';"
        on_update = refuse
        if self.changes:
            on_update = f"IF NOT ({self.changes('postgresql')}) THEN {refuse} END IF;"
        body = (
            f"IF TG_OP = 'DELETE' THEN IF {self.stands} THEN {refuse} END IF; RETURN OLD; END IF; "
            f"{on_update} RETURN NEW;"
        )
        each = f"FOR EACH ROW EXECUTE FUNCTION {self.function}()"
        changed, removed, emptied = self.names("postgresql")
        once = f"FOR EACH STATEMENT EXECUTE FUNCTION {emptied}()"
        return [
            _function(self.function, body),
            f"CREATE TRIGGER {changed} BEFORE UPDATE ON {self.table} {each}",
            f"CREATE TRIGGER {removed} BEFORE DELETE ON {self.table} {each}",
            _function(emptied, refuse),
            f"CREATE TRIGGER {emptied} BEFORE TRUNCATE ON {self.table} {once}",
        ]


def _function(name: str, body: str) -> str:
    return f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"


def alike(names: Iterable[str], dialect: str) -> str:
    """The condition that these columns stay as they are."""
    same = equal(dialect)
    return " AND ".join(f"NEW.{name} {same} OLD.{name}" for name in names)


def equal(dialect: str) -> str:
    """The comparison to which NULL is like NULL."""
    return "IS NOT DISTINCT FROM" if dialect == "postgresql" else "IS"


def are_in_place(guards: Iterable[Guard]) -> bool:
    """Whether all their triggers are in the database and at work."""
    query = (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
        if dialect_name() == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    found = set(db.session.connection().execute(sa.text(query)).scalars())
    return found >= {name for guard in guards for name in guard.names(dialect_name())}
