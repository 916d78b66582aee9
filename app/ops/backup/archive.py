"""The file itself: a compressed tar of `about.json`, `database` (SQLite's online copy, or
pg_dump's text) and `home/…` (keys, uploads, spooled mail), encrypted or not.

The queue and caught mail are not kept: the database rebuilds the one, the other is a toy.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from app.config import RUNNING, Config
from app.core import sealing as secrets
from app.core.clock import now
from app.ops.backup import databases, scratch, sealing
from app.ops.backup.sealing import KEY_FILE
from app.ops.backup.trouble import Trouble

FORMAT = 2
#: What this version can bring back. Format 1 says nothing of what is in it.
READABLE = (1, 2)
#: In the data folder, and not worth keeping, or not to be kept here.
LEFT_OUT = {"queue", "mail", "up.lock", "sealing_keys.lock", "worker.ready", RUNNING, KEY_FILE}
#: Sealed with the installation's secret: whoever can open it can open stored passwords.
PROBE = "LeaderSend"
#: What damaged and cut files end in.
DAMAGE = (OSError, EOFError, tarfile.TarError, zlib.error, ValueError)


def fill(config: Config, file: BinaryIO, *, but: Path | None = None) -> dict[str, Any]:
    """Write everything into a file, as a stream; returns what about.json says.

    `but`: a file or folder that is left out, for it is the one being written.
    """
    with scratch.folder(config.LEADERSEND_HOME) as folder:
        copy = folder / "database"
        _demand_room(config)
        begun = now()
        census = databases.dump(config, copy)
        about = {
            "format": FORMAT,
            "made_at": begun.isoformat(),
            "database": databases.kind(config),
            "census": census,
            "probe": _probe(config),
        }
        with (
            gzip.GzipFile(fileobj=file, mode="wb", compresslevel=5, filename="") as squeezed,
            tarfile.open(fileobj=squeezed, mode="w|") as archive,
        ):
            _add_bytes(archive, "about.json", json.dumps(about).encode())
            archive.add(copy, "database")
            copy.unlink()
            for path in _kept(config, but):
                # A file that was used up meanwhile is in the database already.
                with contextlib.suppress(FileNotFoundError):
                    archive.add(path, f"home/{path.relative_to(config.LEADERSEND_HOME)}")
        return about


def _demand_room(config: Config) -> None:
    needed = databases.size_bytes(config) * 1.2
    free = shutil.disk_usage(config.LEADERSEND_HOME).free
    if free < needed:
        raise Trouble(
            f"A backup needs {needed / 1e9:.1f} GB for a while in {config.LEADERSEND_HOME}; "
            f"{free / 1e9:.1f} GB are free."
        )


def _probe(config: Config) -> str:
    return secrets.box_of(config.SECRET_KEY).encrypt(PROBE.encode()).decode()


def _kept(config: Config, but: Path | None) -> Iterator[Path]:
    home, database = config.LEADERSEND_HOME, databases.sqlite_file(config)
    elsewhere = {but} if but else set()
    if config.BACKUP_TO.startswith("/"):
        elsewhere.add(Path(config.BACKUP_TO))
    for path in sorted(home.rglob("*")):
        top = path.relative_to(home).parts[0]
        of_database = database is not None and path.name.startswith(database.name)
        is_left_out = top in LEFT_OUT or top.startswith(scratch.PREFIX)
        is_backup = elsewhere & {path, *path.parents}
        if path.is_file() and not (is_left_out or of_database or is_backup):
            yield path


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o600
    archive.addfile(entry, io.BytesIO(content))


def unpack(
    source: io.BufferedReader, to: Path, *, key: Any = None, name: str = "The file"
) -> dict[str, Any]:
    """Take it apart into a folder; returns about.json. Raises Trouble."""
    try:
        with (
            sealing.reading(source, key) as plain,
            gzip.GzipFile(fileobj=plain, mode="rb") as squeezed,
        ):
            with tarfile.open(fileobj=squeezed, mode="r|") as archive:
                archive.extractall(to, filter="data")
            while squeezed.read(65536):
                pass  # the checksum at the end says whether all of it is as it was written
        return _about(to, name)
    except DAMAGE as error:
        raise Trouble(f"{name} is no complete backup: {error}") from None


def _about(folder: Path, name: str) -> dict[str, Any]:
    for part in ("about.json", "database"):
        if not (folder / part).is_file():
            raise Trouble(f"{name} is no backup of LeaderSend: {part} is missing.")
    about = json.loads((folder / "about.json").read_text())
    if not isinstance(about, dict) or not {"made_at", "database"} <= about.keys():
        raise Trouble(f"{name} is no backup of LeaderSend: it does not say when it was made.")
    if about.get("format") not in READABLE:
        raise Trouble(f"{name} was made by a newer version of LeaderSend.")
    return about
