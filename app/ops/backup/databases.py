"""The database of an installation, as backups see it: a copy out, a copy in."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from app.config import Config
from app.ops.backup import census
from app.ops.backup.trouble import Trouble

#: Noted on campaigns that were on their way, until the reason for people is written.
HELD = "held by restore"
#: In the same transaction as the data: whatever happens next, nothing leaves by itself.
HOLD = """
UPDATE campaign SET state = 'paused', pause_reason = 'held by restore' WHERE state = 'sending';
UPDATE campaign SET state = 'draft', due_at = NULL, pause_reason = 'held by restore'
    WHERE state IN ('scheduled', 'held');
"""
CLEAR_POSTGRESQL = "DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public"


def kind(config: Config) -> str:
    """sqlite or postgresql."""
    return sa.make_url(config.DATABASE_URL).get_backend_name()


def sqlite_file(config: Config) -> Path | None:
    """Where SQLite's file lies; None for PostgreSQL."""
    url = sa.make_url(config.DATABASE_URL)
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def size_bytes(config: Config) -> int:
    """How large it is; 0 where it cannot be said."""
    path = sqlite_file(config)
    if path is not None:
        return path.stat().st_size if path.exists() else 0
    engine = sa.create_engine(config.DATABASE_URL, poolclass=sa.NullPool)
    with _reached(engine) as connection:
        return int(connection.scalar(sa.text("SELECT pg_database_size(current_database())")) or 0)


@contextlib.contextmanager
def _reached(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection. Raises Trouble where there is none to be had."""
    try:
        connection = engine.connect()
    except sa.exc.OperationalError as error:
        raise Trouble(f"The database cannot be reached: {error.orig}") from None
    with connection:
        yield connection


def dump(config: Config, to: Path) -> census.Census:
    """Copy the database as it stands at one moment; returns what is in the copy."""
    source = sqlite_file(config)
    if source is None:
        return _pg_dump(config, to)
    if not source.exists():
        raise Trouble(f"There is no database at {source}.")
    with (
        contextlib.closing(sqlite3.connect(source, timeout=60)) as origin,
        contextlib.closing(sqlite3.connect(to)) as copy,
    ):
        origin.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
    return census_of(f"sqlite:///{to}")


def _pg_dump(config: Config, to: Path) -> census.Census:
    engine = sa.create_engine(
        config.DATABASE_URL, poolclass=sa.NullPool, isolation_level="REPEATABLE READ"
    )
    with _reached(engine) as connection:
        # The dump and the census look at the same moment.
        snapshot = connection.scalar(sa.text("SELECT pg_export_snapshot()"))
        run(
            "pg_dump", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", f"--file={to}",
            url=config.DATABASE_URL,
        )  # fmt: skip
        return census.take(connection)


def census_of(url: str) -> census.Census:
    """What is in a database."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return census.take(connection)


def demand_sound(copy: Path) -> None:
    """Raises Trouble for a damaged file of SQLite."""
    try:
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            (said,) = connection.execute("PRAGMA quick_check").fetchone()
    except sqlite3.DatabaseError as error:
        said = str(error)
    if said != "ok":
        raise Trouble(f"The database in this backup is damaged: {said}")


def hold_sqlite(copy: Path) -> None:
    """Let nothing leave by itself."""
    with contextlib.closing(sqlite3.connect(copy)) as connection:
        connection.executescript(HOLD)


def replace_postgresql(url: str, copy: Path, *, hold: bool = False) -> None:
    """Put a dump in place of everything in a database of PostgreSQL, or change nothing.

    `hold`: let no campaign of it go on by itself. Raises Trouble.
    """
    # A dump clears the search path of the session that reads it.
    after = ["-c", f"SET search_path = public; {HOLD}"] if hold else []
    run(
        "psql", "-q", "-1", "-X", "-v", "ON_ERROR_STOP=1", "-c", CLEAR_POSTGRESQL,
        "-f", str(copy), *after, url=url,
    )  # fmt: skip


@contextlib.contextmanager
def scratch_postgresql(config: Config, name: str) -> Iterator[str]:
    """The URL of an empty database beside the real one, gone afterwards. Raises Trouble."""
    engine = sa.create_engine(
        config.DATABASE_URL, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT"
    )
    with _reached(engine) as connection:
        try:
            connection.execute(sa.text(f'CREATE DATABASE "{name}" TEMPLATE template0'))
        except sa.exc.ProgrammingError as error:
            user = sa.make_url(config.DATABASE_URL).username
            raise Trouble(
                f"No database can be made to rehearse in ({error.orig}). "
                f"Allow it: ALTER USER {user} CREATEDB"
            ) from None
        try:
            url = sa.make_url(config.DATABASE_URL).set(database=name)
            yield url.render_as_string(hide_password=False)
        finally:
            connection.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))


def run(program: str, *arguments: str, url: str) -> None:
    """One of PostgreSQL's programs on a database. Raises Trouble with what it said."""
    path = shutil.which(program) or _debian(program)
    if path is None:
        raise Trouble(f"{program} is not installed: apt-get install postgresql-client")
    # Everybody on the machine sees the words of a command line, so the password is not there.
    where = sa.make_url(url).set(drivername="postgresql")
    secret = {"PGPASSWORD": str(where.password)} if where.password else {}
    where = sa.URL.create(
        "postgresql", where.username, None, where.host, where.port, where.database, where.query
    )
    done = subprocess.run(  # noqa: S603
        [path, f"--dbname={where.render_as_string()}", *arguments],
        capture_output=True, text=True, check=False, env={**os.environ, **secret},
    )  # fmt: skip
    if done.returncode != 0:
        raise Trouble(f"{program}: {done.stderr.strip()}")


def _debian(program: str) -> str | None:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    return str(found[-1]) if found else None
