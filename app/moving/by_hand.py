"""Taking out and in from the command line, by whoever runs the installation."""

from __future__ import annotations

import os
from pathlib import Path

from app.accounts import auditing, opening
from app.accounts.models import Account, Member
from app.core.db import db, transaction
from app.moving import archive, taking_in, taking_out
from app.moving.archive import Archive
from app.moving.models import Takein
from app.moving.package import NoTakeout, Package
from app.moving.steps import words


def export(account: Account, file: Path) -> tuple[int, int]:
    """Write a take-out to `file` at once; returns rows and bytes. Raises OSError.

    The file appears when it is whole. The account's audit says that it was made.
    """
    part = file.with_name(f".{file.name}.part")
    with transaction():
        auditing.note(account, None, taking_out.ASKED, "by the operator")
    try:
        with Archive(part, 0) as opened:
            done = taking_out.write(account, opened)
            size = opened.close()
        os.replace(part, file)
    finally:
        archive.remove(part)
    return done.rows, size


def open_for(file: Path) -> tuple[Account, Member]:
    """A new account for a take-out and its first owner, vouched for as all that the operator
    makes. Raises Invalid, OSError."""
    with Package(file) as package:
        told = package.document("account.json")
    members = told.get("members") or []
    owner = next((one for one in members if one.get("role") == "owner"), None)
    if owner is None:
        raise NoTakeout("No owner is named in it. Make an account first, and say which it is.")
    account, member = opening.open_account(
        business=words(told.get("name")), email=words(owner.get("email")),
        person=words(owner.get("name")), vouched=True,
    )  # fmt: skip
    auditing.note(account, None, "account.create", "by the operator, for a take-out")
    return account, member


def take_in(account: Account, file: Path) -> Takein:
    """Take a file in at once, without asking. Raises Invalid, OSError."""
    with file.open("rb") as opened:
        takein = taking_in.stage(account, None, opened, file.name)
    _finish(takein.id)
    takein = db.session.get_one(Takein, takein.id, populate_existing=True)
    if takein.state == "ready":
        with transaction():
            taking_in.start(account, None, takein)
        _finish(takein.id)
    return db.session.get_one(Takein, takein.id, populate_existing=True)


def _finish(takein_id: int) -> None:
    while taking_in.run(takein_id):
        pass
