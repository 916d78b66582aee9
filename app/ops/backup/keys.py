"""Whether what is in a backup opens stored passwords and the links of mails that went out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.fernet import InvalidToken

from app.core import sealing as stored_secrets
from app.ops.backup import archive

ELSEWHERE = (
    "SECRET_KEY comes from the environment and is not in the backup, and without it stored "
    "passwords cannot be opened and links in mails do not work. Keep it where the backup's own key "
    "is kept."
)
WRONG = "The SECRET_KEY in the backup is not the one in use: it does not open stored passwords."


def is_elsewhere(secret: str) -> bool:
    """Whether the environment gives it, so that no file of the data folder need hold it."""
    return os.environ.get("SECRET_KEY") == secret


def is_ours(home: Path, secret: str, about: dict[str, Any]) -> bool:
    """Whether a backup was made by the installation that has this secret."""
    probe = str(about.get("probe", ""))
    return _opens(probe, secret) if probe else secret in _held(home)


def opens(home: Path, secret: str, about: dict[str, Any]) -> bool:
    """Whether a backup holds the secret that its passwords were sealed with.

    `home`: its data folder, unpacked. `secret`: of this installation, which is also tried where
    the backup is too old to say.
    """
    held = [*_held(home)]
    if not (probe := str(about.get("probe", ""))):
        return secret in held
    return any(_opens(probe, one) for one in held)


def secret_of(home: Path, secret: str, about: dict[str, Any]) -> str:
    """The secret that a backup's passwords were sealed with, or ours where it is not in there."""
    probe = str(about.get("probe", ""))
    fitting = [one for one in _held(home) if not probe or _opens(probe, one)]
    return fitting[0] if fitting else secret


def _held(home: Path) -> Iterator[str]:
    path, env = home / "secret_key", home / "leadersend.env"
    if path.is_file():
        yield path.read_text().strip()
    if env.is_file():
        for line in env.read_text().splitlines():
            name, _, value = line.partition("=")
            if name.strip() == "SECRET_KEY":
                yield value.strip()


def _opens(probe: str, secret: str) -> bool:
    try:
        return stored_secrets.box_of(secret).decrypt(probe.encode()) == archive.PROBE.encode()
    except InvalidToken:
        return False
