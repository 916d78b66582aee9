"""The parts of a LeaderSend on one machine, in the order in which they start."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from app.config import CHECKOUT, Config, queue_socket
from app.ops import ports, queueing
from app.ops.process import Part

WEB_THREADS = 24
GREETING = b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def all_parts(config: Config, env: Mapping[str, str], *, own_queue: bool) -> list[Part]:
    """What `leadersend up` runs."""
    queue = [queue_part(config, env)] if own_queue else []
    return [*queue, catcher_part(config, env), web_part(config, env), worker_part(config, env)]


def queue_part(config: Config, env: Mapping[str, str]) -> Part:
    """The embedded queue server."""
    at = queue_socket(config.LEADERSEND_HOME)
    conf = queueing.write_conf(config.LEADERSEND_HOME, at)
    return Part(
        "queue server", [queueing.program(), str(conf)], env, lambda: queueing.is_ready(at), 3
    )


def catcher_part(config: Config, env: Mapping[str, str]) -> Part:
    """The door for bounces and unsubscribe mails, and the local mail catcher."""
    host, _, port = config.INBOUND.rpartition(":")
    return Part(
        "mail catcher",
        [sys.executable, "-m", "app.ops.catcher"],
        env,
        lambda: ports.answers(host, int(port), hear=b"220"),
        2,
    )


def web_part(config: Config, env: Mapping[str, str]) -> Part:
    """The web server."""
    return Part(
        "web server",
        web_command(config),
        env,
        lambda: ports.answers(config.HOST, config.PORT, say=GREETING, hear=b"HTTP/"),
        3,
    )


def web_command(config: Config) -> list[str]:
    """One process with threads: Python's share of a page is small beside the database's."""
    return [
        sys.executable, "-m", "granian", "--interface", "wsgi",
        "--host", config.HOST, "--port", str(config.PORT),
        "--workers", "1", "--blocking-threads", str(WEB_THREADS), "--backlog", "1024",
        "--no-ws", "--http", "1", "--log-level", "error", "--respawn-failed-workers",
        "--working-dir", str(CHECKOUT), "wsgi:app",
    ]  # fmt: skip


def worker_part(config: Config, env: Mapping[str, str]) -> Part:
    """The workers and the tick. Those whose parent was killed finish what they do."""
    ready = ready_file(config.LEADERSEND_HOME)

    def is_ready() -> bool:
        return ready.exists()

    ready.unlink(missing_ok=True)
    return Part("worker", worker_command(), env, is_ready, 10, leftovers=signal.SIGTERM)


def worker_command() -> list[str]:
    """worker.py lies beside the package."""
    return [sys.executable, str(CHECKOUT / "worker.py")]


def ready_file(home: Path) -> Path:
    """The worker writes it when it can work."""
    return home / "worker.ready"


def environment(config: Config, chosen: Mapping[str, str]) -> dict[str, str]:
    """What every part inherits: our own environment and what was chosen here."""
    path = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH", "")]))
    return {
        **os.environ,
        **chosen,
        "LEADERSEND_HOME": str(config.LEADERSEND_HOME),
        "PYTHONPATH": path,
        "PYTHONUNBUFFERED": "1",
    }
