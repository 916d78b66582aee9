"""worker.py as it is, with waits shortened as the environment says.

FAULTS_SHORTER is JSON: {"app.delivery.sending.KNOCK_AGAIN": 2} sets that constant before any
process is forked. With FAULTS_STOP_AT, the file of that name appears as soon as a mail server's
answer is known and before it is in the database, so that a test can strike just then.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import sys
import time
from datetime import timedelta
from pathlib import Path

import worker


def shorten(constants: dict[str, float]) -> None:
    """Set each constant, keeping its type."""
    for name, value in constants.items():
        module_name, _, constant = name.rpartition(".")
        module = importlib.import_module(module_name)
        is_span = isinstance(getattr(module, constant), timedelta)
        setattr(module, constant, timedelta(seconds=value) if is_span else value)


def stop_at(path: Path) -> None:
    """Tell that outcomes are known, and wait a moment before they are written down."""
    from app.delivery import recording

    record = recording.record

    def slow_record(book: object, lease: str, outcomes: object, tries: object) -> None:
        if outcomes and not path.exists():
            path.touch()
            time.sleep(3)
        record(book, lease, outcomes, tries)  # type: ignore[arg-type]

    recording.record = slow_record


def sleep_without_a_clock(seconds: float) -> None:
    """libfaketime shifts the end of a sleep that is given as a moment, so give it as a span."""
    select.select([], [], [], max(0.0, seconds))


if __name__ == "__main__":
    if os.environ.get("FAKETIME"):
        time.sleep = sleep_without_a_clock
    shorten(json.loads(os.environ.get("FAULTS_SHORTER") or "{}"))
    if os.environ.get("FAULTS_STOP_AT"):
        stop_at(Path(os.environ["FAULTS_STOP_AT"]))
    sys.exit(worker.main())
