"""Bringing the database to the schema of this version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from app.config import CHECKOUT

#: Any number; the same in every process, so that only one migrates PostgreSQL at a time.
LOCK = 7_463_001


def settings(connection: sa.Connection | None = None) -> AlembicConfig:
    """Alembic's settings, without a file."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(CHECKOUT / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def upgrade(url: str, to: str = "head") -> None:
    """Run what is missing. Safe to run by several processes at once, and again."""
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_lock(LOCK)))
                connection.commit()
            _run(connection, to)
    finally:
        engine.dispose()


def _run(connection: sa.Connection, to: str) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA busy_timeout = 60000")
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        connection.commit()
    command.upgrade(settings(connection), to)
    connection.commit()


def is_current(engine: sa.Engine) -> bool:
    """Whether nothing is left to run."""
    head = ScriptDirectory.from_config(settings()).get_current_head()
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head
