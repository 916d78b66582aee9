"""The security log: who came in, who did not, and what was refused; a line each, numbers only.

    2026-05-03 10:20:30,123 leadersend.security refused status=404 member=7 account=3 …

No address of a mailbox, no path (links of mails hold secrets), and of networks the shortened form.
Lines go where the process's other words go: the standard error of the web server.
"""

from __future__ import annotations

import logging
import sys

log = logging.getLogger("leadersend.security")


def note(what: str, **details: object) -> None:
    """A line: `what` happened, and names with numbers or words of ours; what is empty is left
    out."""
    said = (f"{name}={value}" for name, value in details.items() if value not in (None, ""))
    log.info(" ".join((what, *said)))


def write() -> None:
    """Let the lines of this process be written; called once when a web process starts."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
    log.handlers[:] = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False
