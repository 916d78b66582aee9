"""A backup in place of what is here.

Nothing leaves by itself afterwards: campaigns that were on their way stand paused. What people
asked for and what was sent after the backup was made is carried over from the database that is
replaced; where that one is gone, nothing is sent until somebody says that it may be.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.accounts.models import Notice
from app.campaigns.models import Campaign, Restoration
from app.config import Config
from app.core import settings
from app.core.clock import now
from app.core.migrating import upgrade
from app.ops.backup import (
    access,
    archive,
    census,
    databases,
    erasing,
    keys,
    numbers,
    replaying,
    scratch,
    sealing,
)
from app.ops.backup.trouble import Trouble

REASON = "Restored from a backup. People who were mailed after it was made may get this mail again."
REASON_CARRIED = "Restored from a backup. Who got this mail since it was made is known: go on."


@dataclass(frozen=True)
class Restored:
    """What a restore found and did."""

    made_at: datetime
    """When the backup was made."""
    waiting: int
    """Campaigns that wait for a person."""
    carried: replaying.Since | None
    """What happened since and was carried over; None where the old database could not be read."""


def restore(config: Config, source: Path, *, overwrite: bool, key: Path | None = None) -> Restored:
    """Put a backup in place of what is here. Raises Trouble, and then nothing has changed."""
    with _nobody_runs(config.LEADERSEND_HOME):
        has_data = _has_data(config)
        if has_data and not overwrite:
            raise Trouble("There is data here already. Add --replace to overwrite it.")
        with scratch.folder(config.LEADERSEND_HOME) as folder:
            about = unpack(config, source, folder, key)
            made_at = datetime.fromisoformat(str(about["made_at"])).astimezone(UTC)
            is_ours = keys.is_ours(folder / "home", config.SECRET_KEY, about)
            notes = _collect(config, made_at, folder) if has_data and is_ours else None
            done = _put_database(config, folder / "database", made_at, notes)
            _put_home(config.LEADERSEND_HOME, folder / "home")
            return _answer_for(config, done, notes)


def _answer_for(config: Config, done: Restored, notes: replaying.Notes | None) -> Restored:
    """Where everything is known that happened since, nobody need be asked."""
    if notes is None or done.carried is None:
        return done
    erased = erasing.erase_again(config, replaying.erased(notes))
    confirm(config, "carried over")
    return replace(done, carried=replace(done.carried, erased=erased))


def unpack(config: Config, source: Path, to: Path, key: Path | None) -> dict[str, Any]:
    """Take a backup of this kind of installation apart. Raises Trouble."""
    secret = key or config.LEADERSEND_HOME / sealing.KEY_FILE
    identity = sealing.read_key(secret) if key or secret.exists() else None
    try:
        file = source.open("rb")
    except OSError as error:
        raise Trouble(f"{source} is no complete backup: {error.strerror}") from None
    with file:
        about = archive.unpack(file, to, key=identity, name=str(source))
    if about["database"] != databases.kind(config):
        raise Trouble(
            f"This backup holds a {about['database']} database; "
            f"DATABASE_URL names {databases.kind(config)}."
        )
    if about["database"] == "sqlite":
        _demand_whole(to / "database", about)
    return about


def _demand_whole(copy: Path, about: dict[str, Any]) -> None:
    databases.demand_sound(copy)
    if "census" in about:
        found = census.differences(about["census"], databases.census_of(f"sqlite:///{copy}"))
        if found:
            raise Trouble(f"The database in this backup is not what was backed up: {found[0]}")


def _collect(config: Config, since: datetime, folder: Path) -> replaying.Notes | None:
    try:
        return replaying.collect(config.DATABASE_URL, since, folder / "since")
    except sa.exc.DatabaseError:
        return None  # damaged or of another time; the person is asked


def _put_database(
    config: Config, copy: Path, made_at: datetime, notes: replaying.Notes | None
) -> Restored:
    settings.configure(config)
    target = databases.sqlite_file(config)
    if target is None:
        databases.replace_postgresql(config.DATABASE_URL, copy, hold=True)
        return _bring_up(config.DATABASE_URL, made_at, notes)
    databases.hold_sqlite(copy)
    done = _bring_up(f"sqlite:///{copy}", made_at, notes)
    for suffix in ("-wal", "-shm"):
        Path(f"{copy}{suffix}").unlink(missing_ok=True)
    copy.chmod(0o600)
    _swap(copy, target)
    return done


def _swap(copy: Path, target: Path) -> None:
    """In one step, so that there is a database at each moment."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    near = target.with_name(f"{target.name}.restoring")
    shutil.move(copy, near)
    for suffix in ("-wal", "-shm"):
        Path(f"{target}{suffix}").unlink(missing_ok=True)
    os.replace(near, target)


def _bring_up(url: str, made_at: datetime, notes: replaying.Notes | None) -> Restored:
    """To this version's schema and to today, with nothing on its way."""
    upgrade(url)
    carried = replaying.replay(url, notes) if notes else None
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        if carried is None:
            numbers.go_behind(connection, None)
        waiting = _explain(connection, REASON_CARRIED if carried else REASON)
        _silence(connection)
        access.shut(connection)
        connection.execute(sa.insert(Restoration).values(made_at=made_at, restored_at=now()))
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(sa.text("PRAGMA wal_checkpoint(TRUNCATE)"))
    return Restored(made_at, waiting, carried)


def _explain(connection: sa.Connection, reason: str) -> int:
    """Tell why campaigns wait; returns how many."""
    held = Campaign.pause_reason == databases.HELD
    paused = connection.execute(
        sa.update(Campaign)
        .where(held, Campaign.state == "paused")
        .values(pause_reason=reason, updated_at=now())
    )
    taken_back = connection.execute(
        sa.update(Campaign).where(held).values(pause_reason="", updated_at=now())
    )
    return paused.rowcount + taken_back.rowcount


def _silence(connection: sa.Connection) -> None:
    """System mail that was on its way when the backup was made has gone long since."""
    connection.execute(
        sa.update(Notice)
        .where(Notice.state.in_(("pending", "sending")))
        .values(state="uncertain", lease_until=None)
    )


def confirm(config: Config, by: str) -> int:
    """Somebody answers for it that campaigns may be sent again; returns how many restores that
    was about."""
    engine = sa.create_engine(config.DATABASE_URL, poolclass=sa.NullPool)
    with engine.begin() as connection:
        done = connection.execute(
            sa.update(Restoration)
            .where(Restoration.confirmed_at.is_(None))
            .values(confirmed_at=now(), confirmed_by=by)
        )
    return done.rowcount


def _put_home(home: Path, files: Path) -> None:
    for path in files.rglob("*"):
        if path.is_file():
            target = home / path.relative_to(files)
            # A journal only grows: the one that is here knows more than the one in the backup.
            if target.parent.name == "journal" and target.exists():
                continue
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.replace(path, target)
    # What the queue knew belongs to the data that was replaced.
    shutil.rmtree(home / "queue", ignore_errors=True)


@contextlib.contextmanager
def _nobody_runs(home: Path) -> Iterator[None]:
    with (home / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Trouble("LeaderSend runs on this data folder. Stop it first.") from None
        yield


def _has_data(config: Config) -> bool:
    path = databases.sqlite_file(config)
    if path is not None and not path.exists():
        return False
    engine = sa.create_engine(config.DATABASE_URL, poolclass=sa.NullPool)
    try:
        return sa.inspect(engine).has_table("alembic_version")
    except sa.exc.OperationalError as error:
        raise Trouble(f"The database cannot be reached: {error.orig}") from None
    except sa.exc.DatabaseError:
        return True  # a file that is no database any more: something was here
