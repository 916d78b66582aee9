"""Finding a port that nobody uses."""

from __future__ import annotations

import socket

TRIES = 200


class NoPort(Exception):
    """None is free, or the one that was asked for is taken."""


def is_free(host: str, port: int) -> bool:
    """Whether we could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As servers do: a connection of the last run that is still closing is no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def first_free(host: str, start: int) -> int:
    """The first free port from `start` on. Raises NoPort."""
    for port in range(start, min(start + TRIES, 65536)):
        if is_free(host, port):
            return port
    raise NoPort(f"No free port on {host} from {start} on.")


def answers(host: str, port: int, *, say: bytes = b"", hear: bytes) -> bool:
    """Whether somebody there, after `say`, begins with `hear`."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    try:
        with socket.create_connection((host, port), timeout=0.5) as client:
            client.sendall(say)
            return client.recv(64).startswith(hear)
    except OSError:
        return False
