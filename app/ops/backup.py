"""Everything in one file, and back.

A tar of `database` (SQLite's online copy, or pg_dump's text), `home/…` (keys, uploads, spooled
mail) and `about.json`. Readable by its owner alone: the keys that open stored passwords are in it.
Files are streamed; the queue and caught mail are not kept, for the database rebuilds the one and
the other is a toy.
"""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import io
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import sqlalchemy as sa

from app.campaigns.models import Campaign
from app.config import RUNNING, Config
from app.core.clock import now

FORMAT = 1
#: In the data folder, and not worth keeping.
LEFT_OUT = {"queue", "mail", "up.lock", "worker.ready", RUNNING}
REASON = "Restored from a backup. People who were mailed after it was made may get this mail again."


class Trouble(Exception):
    """Why it cannot be done, and what to do about it."""


def write(config: Config, target: Path) -> int:
    """Write a backup while everything runs; returns its size. Raises Trouble."""
    partial = target.with_name(target.name + ".partial")
    try:
        handle = os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    except OSError as error:
        raise Trouble(f"{partial.parent}: {error.strerror}") from None
    os.fchmod(handle, 0o600)
    try:
        with (
            os.fdopen(handle, "wb") as file,
            tempfile.TemporaryDirectory(dir=config.LEADERSEND_HOME) as scratch,
        ):
            with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=5, filename="") as squeezed:
                _fill(config, squeezed, Path(scratch))
            file.flush()
            os.fsync(file.fileno())
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)
    return target.stat().st_size


def _fill(config: Config, file: gzip.GzipFile, scratch: Path) -> None:
    about = {"format": FORMAT, "made_at": now().isoformat(), "database": _kind(config)}
    with tarfile.open(fileobj=file, mode="w|") as archive:
        _add_bytes(archive, "about.json", json.dumps(about).encode())
        copy = scratch / "database"
        _dump(config, copy)
        archive.add(copy, "database")
        copy.unlink()
        for path in _kept(config, scratch):
            # A file that was used up meanwhile is in the database already.
            with contextlib.suppress(FileNotFoundError):
                archive.add(path, f"home/{path.relative_to(config.LEADERSEND_HOME)}")


def _kept(config: Config, scratch: Path) -> Iterator[Path]:
    home, database = config.LEADERSEND_HOME, _sqlite_file(config)
    for path in sorted(home.rglob("*")):
        top = path.relative_to(home).parts[0]
        of_database = database is not None and path.name.startswith(database.name)
        if path.is_file() and top not in {*LEFT_OUT, scratch.name} and not of_database:
            yield path


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o600
    archive.addfile(entry, io.BytesIO(content))


def _dump(config: Config, to: Path) -> None:
    source = _sqlite_file(config)
    if source is None:
        _run("pg_dump", "--no-owner", "--no-privileges", f"--file={to}", _libpq(config))
        return
    if not source.exists():
        raise Trouble(f"There is no database at {source}.")
    with (
        contextlib.closing(sqlite3.connect(source, timeout=60)) as origin,
        contextlib.closing(sqlite3.connect(to)) as copy,
    ):
        origin.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")


def restore(config: Config, source: Path, *, replace: bool) -> int:
    """Put a backup in place of what is here; campaigns that were on their way wait for a person.

    Returns how many wait. Raises Trouble.
    """
    with _nobody_runs(config.LEADERSEND_HOME):
        if not replace and _has_data(config):
            raise Trouble("There is data here already. Add --replace to overwrite it.")
        with tempfile.TemporaryDirectory(dir=config.LEADERSEND_HOME) as scratch:
            _unpack(source, Path(scratch))
            about = json.loads((Path(scratch) / "about.json").read_text())
            if about.get("format") != FORMAT or about.get("database") != _kind(config):
                raise Trouble(
                    f"This backup holds a {about.get('database')} database; "
                    f"DATABASE_URL names {_kind(config)}."
                )
            waiting = _put_database(config, Path(scratch) / "database")
            _put_home(config.LEADERSEND_HOME, Path(scratch) / "home")
            return waiting


def _unpack(source: Path, to: Path) -> None:
    try:
        with tarfile.open(source, mode="r|gz") as archive:
            archive.extractall(to, filter="data")
    except (OSError, tarfile.TarError, EOFError) as error:
        raise Trouble(f"{source} is no complete backup: {error}") from None
    for name in ("about.json", "database"):
        if not (to / name).is_file():
            raise Trouble(f"{source} is no backup of LeaderSend: {name} is missing.")


def _put_database(config: Config, copy: Path) -> int:
    target = _sqlite_file(config)
    if target is None:
        url = _libpq(config)
        _run("psql", "-q", "-v", "ON_ERROR_STOP=1", url, "-c", CLEAR_POSTGRESQL)
        _run("psql", "-q", "-1", "-v", "ON_ERROR_STOP=1", url, "-f", str(copy))
        return _hold_campaigns(config.DATABASE_URL)
    _demand_sound(copy)
    waiting = _hold_campaigns(f"sqlite:///{copy}")
    for suffix in ("", "-wal", "-shm"):
        Path(f"{target}{suffix}").unlink(missing_ok=True)
    copy.chmod(0o600)
    shutil.move(copy, target)
    return waiting


CLEAR_POSTGRESQL = "DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public"


def _demand_sound(copy: Path) -> None:
    try:
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            (said,) = connection.execute("PRAGMA quick_check").fetchone()
    except sqlite3.DatabaseError as error:
        said = str(error)
    if said != "ok":
        raise Trouble(f"The database in this backup is damaged: {said}")


def _put_home(home: Path, files: Path) -> None:
    for path in files.rglob("*"):
        if path.is_file():
            target = home / path.relative_to(files)
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.replace(path, target)
    # What the queue knew belongs to the data that was replaced.
    shutil.rmtree(home / "queue", ignore_errors=True)


def _hold_campaigns(url: str) -> int:
    """Let nothing leave by itself after a restore; returns how many campaigns now wait."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        paused = connection.execute(
            sa.update(Campaign)
            .where(Campaign.state == "sending")
            .values(state="paused", pause_reason=REASON, updated_at=now())
        )
        taken_back = connection.execute(
            sa.update(Campaign)
            .where(Campaign.state.in_(("scheduled", "held")))
            .values(state="draft", due_at=None, updated_at=now())
        )
    return paused.rowcount + taken_back.rowcount


@contextlib.contextmanager
def _nobody_runs(home: Path) -> Iterator[None]:
    with (home / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Trouble("LeaderSend runs on this data folder. Stop it first.") from None
        yield


def _has_data(config: Config) -> bool:
    path = _sqlite_file(config)
    if path is not None and not path.exists():
        return False
    engine = sa.create_engine(config.DATABASE_URL, poolclass=sa.NullPool)
    try:
        return sa.inspect(engine).has_table("alembic_version")
    except sa.exc.OperationalError as error:
        raise Trouble(f"The database cannot be reached: {error.orig}") from None


def _kind(config: Config) -> str:
    return sa.make_url(config.DATABASE_URL).get_backend_name()


def _sqlite_file(config: Config) -> Path | None:
    url = sa.make_url(config.DATABASE_URL)
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def _libpq(config: Config) -> str:
    """The URL as PostgreSQL's own programs read it: without SQLAlchemy's driver."""
    url = config.DATABASE_URL
    return url.replace(f"{urlsplit(url).scheme}://", "postgresql://", 1)


def _run(program: str, *arguments: str) -> None:
    path = shutil.which(program) or _debian(program)
    if path is None:
        raise Trouble(f"{program} is not installed: apt-get install postgresql-client")
    done = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise Trouble(f"{program}: {done.stderr.strip()}")


def _debian(program: str) -> str | None:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    return str(found[-1]) if found else None
