"""A part of LeaderSend as a process: started, watched, started again with growing pauses."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

#: From <linux/prctl.h>: which signal a process gets when its parent dies.
PR_SET_PDEATHSIG = 1
#: From the same: orphans below this process become its children, not those of process 1.
PR_SET_CHILD_SUBREAPER = 36
LONGEST_PAUSE_S = 30.0
#: A part that lived as long as this begins again with the shortest pause.
SETTLED_S = 60.0


def die_with(parent: int) -> None:
    """Ask the kernel to end this process when its parent does. Linux only; elsewhere nothing."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Let processes whose parent died be ours, so that none is left behind in the end."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def orphans(known: Iterable[int]) -> list[int]:
    """Adopted processes that still live; those that ended are forgotten."""
    try:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    except OSError:
        return []
    strangers = set(map(int, children)) - set(known)
    return [pid for pid in strangers if os.waitpid(pid, os.WNOHANG)[0] == 0]


def end_orphans(known: Iterable[int], patience_s: float) -> None:
    """Ask them to end, and then end them."""
    end = time.monotonic() + patience_s
    for pid in orphans(known):
        os.kill(pid, signal.SIGTERM)
    while (left := orphans(known)) and time.monotonic() < end:
        time.sleep(0.02)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@dataclass
class Part:
    """What to run, how to know that it is ready, and how long it may take to stop."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    is_ready: Callable[[], bool]
    patience_s: float
    leftovers: signal.Signals = signal.SIGKILL
    """What its own children get when it died without them."""
    process: subprocess.Popen[bytes] | None = None
    pause_s: float = 0.25
    started_at: float = 0.0
    start_again_at: float | None = field(default=None)

    def start(self) -> None:
        """Start it in a session of its own, so that Ctrl-C reaches the supervisor alone."""
        parent = os.getpid()
        self.process = subprocess.Popen(  # noqa: S603
            self.command,
            env=dict(self.env),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=lambda: die_with(parent),  # the supervisor has no threads
        )
        self.started_at = time.monotonic()
        self.start_again_at = None

    def look_after(self) -> str | None:
        """Start it again where it ended; returns what happened, for people."""
        now = time.monotonic()
        if self.start_again_at is not None:
            if now >= self.start_again_at:
                self.start()
            return None
        if self.process is None or self.process.poll() is None:
            return None
        self._clear()
        if now - self.started_at > SETTLED_S:
            self.pause_s = 0.25
        self.start_again_at = now + self.pause_s
        said = f"{self.name} ended ({_ending(self.process.returncode)}), again in {self.pause_s} s"
        self.pause_s = min(self.pause_s * 2, LONGEST_PAUSE_S)
        return said

    def stop(self) -> None:
        """End it, politely and then not."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(self.patience_s)
        _signal_group(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def _clear(self) -> None:
        if self.process is not None:
            _signal_group(self.process.pid, self.leftovers)


def _signal_group(group: int, sig: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, sig)


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
