"""Taking out and in from the command line, by whoever runs the installation."""

from __future__ import annotations

import os
from pathlib import Path

from app.accounts import auditing
from app.accounts.models import Account
from app.core.db import transaction
from app.moving import archive, taking_out
from app.moving.archive import Archive


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
