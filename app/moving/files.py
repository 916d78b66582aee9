"""Where ZIP files of accounts lie: in the data folder, under random names, readable by us alone."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from app.core import settings

OUT, IN = "takeouts", "takeins"


def folder(name: str) -> Path:
    """OUT or IN."""
    path = settings.get().LEADERSEND_HOME / name
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def path_of(name: str, stored_as: str) -> Path:
    """Where one file lies."""
    return folder(name) / stored_as


def new_name() -> str:
    """Nobody guesses it."""
    return secrets.token_hex(16) + ".zip"


def room_bytes() -> int:
    """Free on the disk of the data folder."""
    return shutil.disk_usage(settings.get().LEADERSEND_HOME).free
