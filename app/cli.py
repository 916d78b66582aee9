"""`leadersend …`: the commands of docs/self-hosting.md.

Data goes to standard output as JSON, on one line with --json; words for people to standard
error.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from app.commands import accounts, backups, mail, people, records, serving
from app.commands.base import Complaint, complain
from app.config import BadSetting


def main(arguments: Sequence[str] | None = None) -> int:
    """The console script. 0 when all went well, 1 with the reason, 2 for a wrong call."""
    options = parser().parse_args(arguments)
    # Whatever is written holds addresses: nobody else on this machine may read it.
    os.umask(0o077)
    action: Callable[[argparse.Namespace], int | None] = options.action
    try:
        return action(options) or 0
    except (Complaint, BadSetting) as error:
        return complain(str(error))
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    """Every command; a test compares them with the documentation."""
    top = argparse.ArgumentParser(prog="leadersend", description="E-mail marketing that adds up.")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for part in (serving, accounts, mail, records, people, backups):
        part.declare(commands)
    return top


if __name__ == "__main__":
    sys.exit(main())
