"""The database: one session, one way to write.

Reading needs nothing. Writing happens inside `with transaction():`, once, at an edge (a route,
a job, a command); verbs never commit. On SQLite a writing transaction begins with
BEGIN IMMEDIATE: a reading transaction that turns into a writing one fails at once when somebody
else wrote meanwhile, and no timeout helps.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.orm import DeclarativeBase, ORMExecuteState, Session, mapped_column, registry

from app.core.folding import fold

WRITE = "leadersend_write"
PATIENCE = "leadersend_patience_s"
BULK = "leadersend_bulk"
TRUSTED = "leadersend_trusted"
SETTINGS = "leadersend_settings"
BUSY_TIMEOUT = "PRAGMA busy_timeout = 30000"
#: What was answered to a person survives a power cut.
AT_ONCE = "synchronous = FULL"
#: What a power cut takes back is never torn, only older.
LATER = "synchronous = NORMAL"
ORDINARY = (AT_ONCE, "cache_size = -16000", "wal_autocheckpoint = 1000", "foreign_keys = ON")
#: For long work that is found again and repeated.
IN_BULK = (LATER, "cache_size = -20000", "wal_autocheckpoint = 8000", "foreign_keys = ON")
#: For the largest of it, with room for a whole chunk of an import.
AS_TRUSTED = ("cache_size = -24000", "wal_autocheckpoint = 30000", "foreign_keys = OFF")
#: For PostgreSQL, where nobody has chosen otherwise. As it comes, it takes a page anywhere for four
#: of those in a row, as on a turning disk, and rather reads a whole table than some thousand rows
#: of it; and it compiles our longer statements, which takes longer than to run them.
CHOSEN = {"random_page_cost": "1.1", "jit": "off"}


class UtcDateTime(sa.TypeDecorator[datetime]):
    """A moment. Aware in Python, stored as UTC; naive values are refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A moment without a time zone cannot be stored.")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Json = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class Base(DeclarativeBase):
    """Every table, with constraint names that migrations can rely on."""

    registry = registry(
        metadata=sa.MetaData(
            naming_convention={
                "ix": "ix_%(column_0_N_label)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "ck": "ck_%(table_name)s_%(constraint_name)s",
                "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
                "pk": "pk_%(table_name)s",
            }
        ),
        type_annotation_map={datetime: UtcDateTime, int: BigId},
    )

    @classmethod
    def __table_cls__(cls, *args: Any, **options: Any) -> sa.Table:
        # SQLite hands the id of a deleted last row out again; links that were mailed must never
        # come to mean another row.
        numbered = any(isinstance(part, sa.Column) and part.name == "id" for part in args)
        if numbered:
            options["sqlite_autoincrement"] = True
        return sa.Table(*args, **options)


Id = Annotated[int, mapped_column(BigId, primary_key=True)]
Moment = Annotated[datetime, mapped_column(UtcDateTime)]

db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})


@contextmanager
def transaction(
    *, patience_s: float | None = None, bulk: bool = False, trusted: bool = False
) -> Iterator[Session]:
    """Write: commit at the end, roll back on any error. Inner uses join the outer one.

    `patience_s` is how long to wait while SQLite is locked, where somebody waits for the answer.
    `bulk` is for work that is repeated when a power cut takes it back. What says that it is over
    is written by an ordinary one, wherever something outside the database then goes or is handed
    out: a file, a proof. `trusted` is for work that only adds rows whose parents it has seen
    inside the transaction: SQLite does not look for each of them again, and has more room. Nothing
    is deleted in it: nothing else would go along.
    """
    session: Session = db.session()
    if session.info.get(WRITE):
        yield session
        return
    if session.new or session.dirty or session.deleted:
        raise RuntimeError("Change rows inside transaction(), not before it.")
    session.rollback()  # ends a reading transaction, so that the writing one can begin as such
    session.info[WRITE] = True
    try:
        options = {WRITE: True, PATIENCE: patience_s, BULK: bulk, TRUSTED: trusted}
        session.connection(execution_options=options)
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info[WRITE] = False


def connection() -> sa.Connection:
    """The session's own, inside its transaction: for statements by which no object is loaded."""
    return db.session.connection()


def dialect_name() -> str:
    """ "sqlite" or "postgresql"."""
    return db.engine.dialect.name


def insert(table: Any) -> Any:
    """An INSERT that may name conflicts, in the words of the database that is used."""
    return (postgresql.insert if dialect_name() == "postgresql" else sqlite.insert)(table)


def is_taken(error: sa.exc.IntegrityError) -> bool:
    """Whether another row has what may be there once: somebody did the same a moment before."""
    return getattr(error.orig, "sqlstate", "") == "23505" or "UNIQUE constraint failed" in str(
        error.orig
    )


def empty_log() -> bool:
    """Bring SQLite's log of changes into the database and empty it, for it holds pages as they
    were before; False where somebody was reading just now. PostgreSQL looks after its own.
    """
    if dialect_name() != "sqlite":
        return True
    db.session.rollback()
    with db.engine.connect() as link:
        link.exec_driver_sql("PRAGMA busy_timeout = 200")
        try:
            busy = link.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar()
        finally:
            link.exec_driver_sql(BUSY_TIMEOUT)
    return not busy


def take_stock(connection: sa.Connection, *tables: str) -> None:
    """Let PostgreSQL see how large tables have become: right after much was written it still takes
    them for empty, and would compare everybody with everybody."""
    if connection.dialect.name == "sqlite":
        return
    # Those that grew by a fifth since somebody looked.
    grown = connection.scalars(
        sa.text(
            "SELECT relname FROM pg_class WHERE relname = ANY(:tables)"
            " AND relnamespace = to_regnamespace(current_schema())"
            " AND pg_relation_size(oid)"
            " > 1.2 * relpages * current_setting('block_size')::integer"
        ),
        {"tables": list(tables)},
    ).all()
    if grown:
        connection.execute(sa.text(f"ANALYZE {', '.join(sorted(grown))}"))


def prepare_engine(engine: sa.Engine) -> None:
    """Set up connections of an engine; called once by create_app for each engine."""
    if engine.dialect.name != "sqlite":
        event.listen(engine, "connect", _on_postgresql_connect)
        event.listen(engine, "begin", _on_postgresql_begin)
        return
    event.listen(engine, "connect", _on_sqlite_connect)
    event.listen(engine, "begin", _on_sqlite_begin)


def _on_sqlite_connect(connection: sqlite3.Connection, _record: Any) -> None:
    # SQLAlchemy, not the driver, says when a transaction begins.
    connection.isolation_level = None
    connection.create_function("fold", 1, fold, deterministic=True)
    cursor = connection.cursor()
    # The wait comes first: switching to WAL itself takes a lock when several processes start.
    cursor.execute(BUSY_TIMEOUT)
    cursor.execute("PRAGMA journal_mode = WAL")
    for setting in ORDINARY:
        cursor.execute(f"PRAGMA {setting}")
    # What is deleted is overwritten with zeros: whoever was erased is in no forgotten page.
    cursor.execute("PRAGMA secure_delete = ON")
    # What a REPLACE removes is removed as by DELETE: past the triggers of no record.
    cursor.execute("PRAGMA recursive_triggers = ON")
    cursor.execute("PRAGMA journal_size_limit = 67108864")
    cursor.close()


def _on_postgresql_connect(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config(name, (%s::jsonb) ->> name, false) FROM pg_settings"
            " WHERE (%s::jsonb) ? name AND source = 'default'",
            (wanted := json.dumps(CHOSEN), wanted),
        )
    connection.commit()


def _on_postgresql_begin(connection: Connection) -> None:
    if connection.get_execution_options().get(BULK):
        # As `LATER` says. Whatever is answered to a person afterwards brings it to the disk.
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")


def _on_sqlite_begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    patience_s = options.get(PATIENCE)
    wanted = IN_BULK if options.get(BULK) else ORDINARY
    if options.get(TRUSTED):
        wanted = (wanted[0], *AS_TRUSTED)
    if connection.info.get(SETTINGS, ORDINARY) != wanted:
        for setting in wanted:
            connection.exec_driver_sql(f"PRAGMA {setting}")
        connection.info[SETTINGS] = wanted
    if patience_s is not None:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(patience_s * 1000)}")
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(WRITE) else "BEGIN")
    finally:
        if patience_s is not None:
            connection.exec_driver_sql(BUSY_TIMEOUT)


@event.listens_for(Session, "before_flush")
def _refuse_stray_flush(session: Session, _context: Any, _instances: Any) -> None:
    if not session.info.get(WRITE) and (session.new or session.dirty or session.deleted):
        raise RuntimeError("Rows are written inside transaction() only.")


@event.listens_for(Session, "do_orm_execute")
def _refuse_stray_write(state: ORMExecuteState) -> None:
    writes = state.is_insert or state.is_update or state.is_delete
    if writes and not state.session.info.get(WRITE):
        raise RuntimeError("Rows are written inside transaction() only.")
