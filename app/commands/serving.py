"""Commands that run LeaderSend, or look whether it runs."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from app.commands.base import Complaint, add, show
from app.config import CHECKOUT, load


def declare(commands: Any) -> None:
    """Add them to a parser."""
    add(commands, "up", run_up, "run everything on this machine; Ctrl-C stops it")
    add(commands, "web", run_web, "run the web server alone")
    add(commands, "worker", run_worker, "run workers and timed work alone")
    add(commands, "doctor", examine, "check this installation and print its settings")


def run_up(options: argparse.Namespace) -> None:
    from app.ops import queueing, supervisor

    try:
        supervisor.up()
    except (supervisor.CannotStart, queueing.NoQueueServer) as error:
        raise Complaint(str(error)) from None


def run_web(options: argparse.Namespace) -> None:
    from app.ops import parts

    _become(parts.web_command(load()))


def run_worker(options: argparse.Namespace) -> None:
    from app.ops import parts

    _become(parts.worker_command())


def _become(command: list[str]) -> None:
    """Run it in our place, so that signals reach it."""
    from app.ops import parts

    os.chdir(CHECKOUT)
    os.execve(command[0], command, parts.environment(load(), {}))  # noqa: S606


def examine(options: argparse.Namespace) -> int:
    from app.ops import doctor

    found = doctor.examine()
    if options.json:
        show(found.as_dict(), options)
    else:
        sys.stdout.write(found.as_text())
    return 0 if found.is_well else 1
