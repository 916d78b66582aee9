"""One account out of a backup, while everything else stays as it is and goes on."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from app.accounts.models import Account
from app.config import Config
from app.core.db import db
from app.core.migrating import upgrade
from app.moving import by_hand
from app.ops.backup import databases, keys, restoring, scratch
from app.ops.backup.trouble import Trouble


@contextlib.contextmanager
def taken_out(config: Config, source: Path, account_id: int, key: Path | None) -> Iterator[Path]:
    """A take-out of the account as a backup knows it; the file is gone afterwards. Raises Trouble.

    The process works with the backup's settings meanwhile: make an application anew after it.
    """
    with scratch.folder(config.LEADERSEND_HOME) as folder:
        about = restoring.unpack(config, source, folder, key)
        secret = keys.secret_of(folder / "home", config.SECRET_KEY, about)
        (folder / "home").mkdir(exist_ok=True)
        then = replace(config, LEADERSEND_HOME=folder / "home", SECRET_KEY=secret)
        file = folder / f"account-{account_id}.zip"
        with _database(config, folder / "database") as url:
            upgrade(url)
            _write(replace(then, DATABASE_URL=url), account_id, file)
        yield file


@contextlib.contextmanager
def _database(config: Config, copy: Path) -> Iterator[str]:
    if databases.kind(config) == "sqlite":
        yield f"sqlite:///{copy}"
        return
    with databases.scratch_postgresql(config, f"account_{secrets.token_hex(6)}") as url:
        databases.replace_postgresql(url, copy)
        yield url


def _write(config: Config, account_id: int, file: Path) -> None:
    from app.factory import create_app  # it knows every part, and the commands know it alone

    with create_app(config).app_context():
        try:
            account = db.session.get(Account, account_id)
            if account is None:
                raise Trouble(f"There is no account {account_id} in this backup.")
            by_hand.export(account, file)
        finally:
            db.session.remove()
            db.engine.dispose()
