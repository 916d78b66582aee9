"""One backup into one file."""

from __future__ import annotations

import os
from pathlib import Path

from app.config import Config
from app.ops.backup import archive, sealing
from app.ops.backup.trouble import Trouble


def write(config: Config, target: Path, *, encrypt: bool = False) -> int:
    """Write a backup while everything runs; returns its size. Raises Trouble.

    Readable by its owner alone: the keys that open stored passwords are in it.
    """
    target = target.absolute()
    partial = target.with_name(target.name + ".partial")
    try:
        handle = os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    except OSError as error:
        raise Trouble(f"{partial.parent}: {error.strerror}") from None
    os.fchmod(handle, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            if encrypt:
                with sealing.writing(file, sealing.key_of(config.LEADERSEND_HOME)) as plain:
                    archive.fill(config, plain, but=partial)
            else:
                archive.fill(config, file, but=partial)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(target)
    except OSError as error:
        raise Trouble(f"{target}: {error.strerror or error}") from None
    finally:
        partial.unlink(missing_ok=True)
    return target.stat().st_size
