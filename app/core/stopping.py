"""Whether this process would like to leave: set by the worker, asked by long jobs."""

from __future__ import annotations

import threading

_asked = threading.Event()


def ask() -> None:
    """The job at hand should end at its next pause; what it leaves, the sweep hands on."""
    _asked.set()


def asked() -> bool:
    """Whether a long job should end now."""
    return _asked.is_set()
