"""A whole LeaderSend in a folder of its own, as a person starts it."""

from __future__ import annotations

import contextlib
import http.client
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Self

import psutil

from app.config import CHECKOUT
from tests.ops import calling
from tests.servers import free_port, wait_until

PROGRAM = str(Path(sys.executable).parent / "leadersend")


def environment(home: Path, **settings: str) -> dict[str, str]:
    """Nothing of the tests' own settings reaches it."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "TMPDIR")}
    return {**kept, "LEADERSEND_HOME": str(home), "WORKERS": "1", **settings}


#: Gives processes that know the application already.
_prepared = multiprocessing.get_context("forkserver")
_prepared.set_forkserver_preload(["tests.ops.calling"])


def run(home: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """One command, to its end, in a process of its own that need not read the application first."""
    with tempfile.TemporaryDirectory() as out:
        given = (arguments, environment(home, **settings), Path(out))
        process = _prepared.Process(target=calling.call, args=given)
        process.start()
        process.join(60)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(arguments, 60)
        said = [(Path(out) / name).read_text() for name in ("stdout", "stderr")]
    return subprocess.CompletedProcess(arguments, process.exitcode, *said)


def run_program(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The same by the program that is installed."""
    return subprocess.run(  # noqa: S603
        [PROGRAM, *arguments], env=environment(home), cwd=CHECKOUT,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


class Running:
    """`leadersend up`."""

    def __init__(
        self, home: Path, *, command: Sequence[str] = (PROGRAM, "up"), **settings: str
    ) -> None:
        self.home = home
        self.command = command
        self.port = free_port()
        self.mail_port = free_port()
        self.log = home.parent / f"{home.name}.log"
        ours = {"PORT": str(self.port), "INBOUND": f"127.0.0.1:{self.mail_port}"}
        self.env = environment(home, **{**ours, **settings})

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop()
        self.kill_rest()

    def start(self) -> None:
        with self.log.open("w") as log:
            self.process = subprocess.Popen(  # noqa: S603
                self.command, env=self.env, cwd=CHECKOUT, stdout=log, stderr=log
            )
        wait_until(self.is_ready, seconds=60, what=f"leadersend up, see {self.log}")
        self.tree = self.parts()

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        if self.command[-1] == "web":
            return self.answers("/healthz")
        if self.command[-1] == "worker":
            return (self.home / "worker.ready").exists()
        return "is ready" in self.log.read_text()

    def parts(self) -> list[psutil.Process]:
        """Every process below it, the word of its command line first."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def part(self, word: str) -> psutil.Process | None:
        """The living direct part with that word in its command line."""
        for part in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.ZombieProcess, psutil.NoSuchProcess):
                if any(word in piece for piece in part.cmdline()):
                    return part
        return None

    def answers(self, path: str = "/mail") -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        with contextlib.closing(connection), contextlib.suppress(OSError, HTTPException):
            connection.request("GET", path)
            return connection.getresponse().status == 200
        return False

    def stop(self, sig: signal.Signals = signal.SIGTERM) -> float:
        """Returns how long it took."""
        began = time.monotonic()
        self.process.send_signal(sig)
        self.process.wait(30)
        return time.monotonic() - began

    def left_behind(self) -> list[psutil.Process]:
        """What still lives of all that was seen."""
        return [part for part in self.tree if alive(part)]

    def kill_rest(self) -> None:
        for part in self.tree:
            if part.is_running():
                part.kill()


def alive(process: psutil.Process) -> bool:
    """Whether it still works; one that only waits to be noticed does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
