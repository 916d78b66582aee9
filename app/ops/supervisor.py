"""`leadersend up`: every part under one process that Ctrl-C stops cleanly.

Only the standard library, and no threads: children are told to end when the thread that
started them does.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType

from app.config import RUNNING, Config, given, load
from app.ops import parts, ports
from app.ops.process import Part, adopt_orphans, die_with, end_orphans, orphans

READY_WITHIN_S = 60.0
GLANCE_S = 0.2


_asked: list[bool] = []
_make: list[int] = []


class CannotStart(Exception):
    """With what to do about it."""


class Stop(Exception):
    """Somebody asked for the end."""


def up() -> None:
    """Run everything until SIGINT, SIGTERM or SIGHUP. Raises CannotStart."""
    began = time.monotonic()
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, _ask_to_stop)
    os.umask(0o077)
    adopt_orphans()
    _follow_make()
    started: list[Part] = []
    chosen = choose()
    config = load({**os.environ, **chosen})
    with contextlib.suppress(Stop), _alone(config.LEADERSEND_HOME), _announced(config):
        try:
            _run(config, chosen, started, began)
        finally:
            # From here on nothing may interrupt: a second Ctrl-C must not leave a part behind.
            for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(sig, signal.SIG_IGN)
            _say("Stopping.")
            for part in reversed(started):
                part.stop()
                end_orphans(_known(started), patience_s=1)


def _run(config: Config, chosen: Mapping[str, str], started: list[Part], began: float) -> None:
    env = parts.environment(config, chosen)
    own_queue = not given().get("REDIS_URL")
    # Preparing takes longest and needs nobody; the small parts start meanwhile.
    preparing = _prepare(env)
    everything = parts.all_parts(config, env, own_queue=own_queue)
    early, late = everything[:-2], everything[-2:]
    _start(early, started)
    first = _prepared(preparing)
    _start(late, started)
    _welcome(config, first, time.monotonic() - began)
    while True:
        for part in started:
            if said := part.look_after():
                _say(said)
        orphans(_known(started))
        _go_on_after(GLANCE_S)


def _known(started: list[Part]) -> list[int]:
    return [part.process.pid for part in started if part.process]


def choose() -> dict[str, str]:
    """Ports that nobody set: the usual one or the next free one. Raises CannotStart, BadSetting."""
    load()  # what was set must be able to work before anything is chosen
    have = given()
    host = have.get("HOST") or "127.0.0.1"
    chosen: dict[str, str] = {}
    try:
        if not have.get("PORT"):
            chosen["PORT"] = str(ports.first_free(host, 8000))
        if not have.get("INBOUND"):
            chosen["INBOUND"] = f"127.0.0.1:{ports.first_free('127.0.0.1', 1025)}"
    except ports.NoPort as error:
        raise CannotStart(str(error)) from None
    port = chosen.get("PORT") or have["PORT"]
    chosen["BASE_URL"] = have.get("BASE_URL") or f"http://localhost:{port}"
    _demand_free("PORT", host, port)
    _demand_free("INBOUND", *(chosen.get("INBOUND") or have["INBOUND"]).rsplit(":", 1))
    return chosen


def _demand_free(name: str, host: str, port: str) -> None:
    if not port.isdigit() or not ports.is_free(host, int(port)):
        raise CannotStart(f"{name}: {host}:{port} is in use or not ours. Choose another one.")


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Two of us on one data folder would fight. Raises CannotStart."""
    with (home / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CannotStart(f"LeaderSend already runs on {home}.") from None
        yield


@contextlib.contextmanager
def _announced(config: Config) -> Iterator[None]:
    """Tell commands that run beside us which ports we took."""
    path = config.LEADERSEND_HOME / RUNNING
    path.write_text(
        f"PORT={config.PORT}\nHOST={config.HOST}\nBASE_URL={config.BASE_URL}\n"
        f"INBOUND={config.INBOUND}\n"
    )
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _prepare(env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    parent = os.getpid()
    return subprocess.Popen(
        [sys.executable, "-m", "app.ops.preparing"],
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: die_with(parent),
        start_new_session=True,
    )


def _prepared(preparing: subprocess.Popen[bytes]) -> dict[str, str]:
    """Wait for the database; returns who may sign in first and by which link, or nothing."""
    try:
        while preparing.poll() is None:
            _go_on_after(0.02)
    finally:
        preparing.terminate()
        output, _ = preparing.communicate()
    if preparing.returncode != 0:
        raise CannotStart("The database could not be prepared; the reason stands above.")
    found: dict[str, str] = json.loads(output or b"{}")
    return found


def _start(wave: list[Part], started: list[Part]) -> None:
    for part in wave:
        part.start()
        started.append(part)
    end = time.monotonic() + READY_WITHIN_S
    waiting = list(wave)
    while waiting:
        waiting = [part for part in waiting if not part.is_ready()]
        for part in waiting:
            if said := part.look_after():
                _say(said)
        if time.monotonic() > end:
            raise CannotStart(f"{waiting[0].name} did not get ready; the reason stands above.")
        _go_on_after(0.02)


def _go_on_after(seconds: float) -> None:
    """Wait. Raises Stop when somebody asked for the end."""
    time.sleep(seconds)
    if _asked or (_make and not _waits_for_ctrl_c(_make[0])):
        raise Stop


def _follow_make() -> None:
    """`make run` hands SIGTERM on to us, but not a SIGINT that it alone got: watch it."""
    parent = os.getppid()
    with contextlib.suppress(OSError):
        if Path(f"/proc/{parent}/comm").read_text().strip() == "make":
            die_with(parent)
            if _waits_for_ctrl_c(parent):  # not where it was told to ignore it, as by nohup
                _make.append(parent)


def _waits_for_ctrl_c(pid: int) -> bool:
    """Whether it still catches SIGINT: make lets go of it when it was interrupted."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught & 1 << (signal.SIGINT - 1))


def _welcome(config: Config, first: dict[str, str], seconds: float) -> None:
    _say(f"\nLeaderSend is ready ({seconds:.1f} s).\n")
    _say(f"  Open        {config.BASE_URL}/")
    if first:
        _say(f"  Sign in     {first['link']}")
        _say(f"              sets the password of {first['email']}; works once")
    if config.CATCHER:
        _say(f"  Caught mail {config.BASE_URL}/mail")
        if config.INBOUND in config.SMTP_URL:
            _say("              mail stays on this machine until SMTP_URL is set")
    _say(f"  Data        {config.LEADERSEND_HOME}")
    _say("\nCtrl-C stops everything.\n")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
    # Only noted: raised in the middle of a start, it would leave that part behind.
    _asked.append(True)
