"""Folders to work in, beside the data; those of a process that was killed are cleared away."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PREFIX = "backup-"
#: Between making a folder and locking it nobody may take it for one that was left.
YOUNG_S = 60.0


@contextlib.contextmanager
def folder(home: Path) -> Iterator[Path]:
    """A folder of one's own, locked while it is used, gone afterwards."""
    tidy(home)
    with tempfile.TemporaryDirectory(dir=home, prefix=PREFIX) as made:
        handle = os.open(made, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield Path(made)
        finally:
            os.close(handle)


def tidy(home: Path) -> int:
    """Remove what was left by processes that are gone; returns how many folders."""
    n = 0
    for path in home.glob(f"{PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):
            n += path.is_dir() and _is_left(path) and _remove(path)
    return n


def _is_left(path: Path) -> bool:
    if time.time() - path.stat().st_mtime < YOUNG_S:
        return False
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _remove(path: Path) -> bool:
    shutil.rmtree(path, ignore_errors=True)
    return True
