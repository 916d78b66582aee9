"""Commands that make backups and bring them back."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.commands.base import (
    Complaint,
    account_or_none,
    add,
    application,
    complain,
    complaining,
    group,
    show,
)
from app.config import load


def declare(commands: Any) -> None:
    """Add them to a parser."""
    backup = add(commands, "backup", make_backup, "write everything into one file")
    backup.add_argument("file", type=Path, metavar="FILE")
    backup.add_argument("--encrypt", action="store_true", help="with the installation's key")
    backups = group(commands, "backups", "those that are made by themselves")
    add(backups, "list", list_backups, "show them, and what their rehearsals found")
    add(backups, "now", back_up_now, "make one now, and rehearse it")
    fetch = add(backups, "fetch", fetch_backup, "bring one here, from a bucket as well")
    fetch.add_argument("name", metavar="NAME")
    fetch.add_argument("file", type=Path, metavar="FILE")
    restore = add(
        commands, "restore", restore_backup, "bring a backup back; campaigns stand paused"
    )
    restore.add_argument("file", type=Path, metavar="FILE", nargs="?")
    restore.add_argument(
        "--account", type=int, metavar="ID", help="only this account, into the running installation"
    )
    restore.add_argument("--replace", action="store_true", help="overwrite the data that is here")
    restore.add_argument("--key", type=Path, help="file with the key that opens the backup")
    restore.add_argument(
        "--confirm",
        action="store_true",
        help="after a restore: whoever left since the backup is known, campaigns may be sent",
    )


def make_backup(options: argparse.Namespace) -> None:
    from app.ops import backup

    with complaining(backup.Trouble):
        size = backup.write(load(), options.file, encrypt=options.encrypt)
    show({"file": str(options.file), "bytes": size}, options)


def list_backups(options: argparse.Namespace) -> None:
    from app.staff import backups

    with application():
        found = [
            {
                "ended_at": run.ended_at.isoformat() if run.ended_at else None,
                "state": run.state, "name": run.name, "bytes": run.size_bytes,
                "rehearsal": run.rehearsal, "error": run.error,
            }
            for run in backups.latest()
        ]  # fmt: skip
    show({"backups": found}, options)


def back_up_now(options: argparse.Namespace) -> int:
    from app.core.db import db, transaction
    from app.ops.backup import running
    from app.staff import backups

    config = load()
    if not config.BACKUP_TO:
        raise Complaint("Set BACKUP_TO first: a folder, or s3://bucket/folder?endpoint=https://…")
    with application():
        with transaction():
            run_id = backups.want("the command line").id
        while (run := backups.one(run_id)).state in ("wanted", "running") and not run.error:
            # Somebody else may be making it, or another one before it.
            if not running.run_due(config):
                db.session.rollback()
                time.sleep(1)
        found = {
            "name": run.name, "state": run.state, "bytes": run.size_bytes, "error": run.error,
            "rehearsal": run.rehearsal, **run.findings,
        }  # fmt: skip
    show(found, options)
    return 0 if run.state == "done" and run.rehearsal != "bad" else 1


def fetch_backup(options: argparse.Namespace) -> None:
    from app.ops.backup import Trouble, places

    with complaining(Trouble):
        place = places.place_of(load())
        if place is None:
            raise Trouble("BACKUP_TO is not set.")
        size = places.fetch(place, options.name, options.file)
    show({"file": str(options.file), "bytes": size}, options)


def restore_backup(options: argparse.Namespace) -> int:
    from app.ops import backup

    if options.confirm == (options.file is not None):
        raise Complaint("Name the file to restore, or --confirm after a restore.")
    if options.account is not None:
        return _restore_account(options)
    with complaining(backup.Trouble):
        if options.confirm:
            show({"confirmed": backup.confirm(load(), "the command line")}, options)
            return 0
        done = backup.restore(load(), options.file, overwrite=options.replace, key=options.key)
    found: dict[str, Any] = {"file": str(options.file), "waiting_campaigns": done.waiting}
    if done.carried is not None:
        found["carried_over"] = asdict(done.carried)
    else:
        sys.stderr.write(
            f"Who left since {done.made_at:%d %B %Y, %H:%M} UTC is not known, so nothing is sent "
            "until you run: leadersend restore --confirm\n"
        )
    show(found, options)
    return 0


def _restore_account(options: argparse.Namespace) -> int:
    """What is there already is not overwritten: it is taken in as from another installation."""
    from app.core.db import transaction
    from app.moving import by_hand
    from app.ops.backup import Trouble, single

    if options.file is None:
        raise Complaint("Name the backup that the account is in.")
    with (
        complaining(Trouble, OSError),
        single.taken_out(load(), options.file, options.account, options.key) as file,
        application(),
    ):
        account = account_or_none(options.account)
        if account is None:
            with transaction():
                account, _ = by_hand.open_for(file)
        takein = by_hand.take_in(account, file)
        found = {"account": account.id, "state": takein.state, "counts": takein.counts,
                 "problems": takein.problems}  # fmt: skip
    show(found, options)
    return 0 if takein.state == "finished" else complain(takein.error)
