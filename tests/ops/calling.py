"""What runs in the process of one command. Imported ahead, with the whole application."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import app.factory  # noqa: F401  # most commands need it, and reading it takes longer than they do
from app.cli import main
from app.config import CHECKOUT


def call(arguments: Sequence[str], env: Mapping[str, str], out: Path) -> None:
    """As the console script would; what it says is in `out`/stdout and `out`/stderr."""
    os.environ.clear()
    os.environ.update(env)
    os.chdir(CHECKOUT)
    for stream, name in ((sys.stdin, os.devnull), (sys.stdout, "stdout"), (sys.stderr, "stderr")):
        file = os.open(out / name, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(file, stream.fileno())
    sys.exit(main(arguments))
