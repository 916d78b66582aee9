"""The security log: who came in, who did not, and what was refused; a line each, numbers only.

    2026-05-03 10:20:30,123 leadersend.security refused status=404 member=7 account=3 …

No address of a mailbox, no path (links of mails hold secrets), and of networks the shortened form.
Lines go where the process's other words go: the standard error of the web server. What was
refused is counted as well, by day, for the operator's page; those numbers live in the queue
server, and where it is away they are not counted.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

import redis

from app.core import queue_server
from app.core.clock import now

log = logging.getLogger("leadersend.security")

#: What is counted, in words.
KINDS = {
    "sign_in.failed": "wrong passwords, codes and passkeys",
    "confirm.failed": "signed in, and not able to show once more who they are",
    "refused 400": "forms of another page, and names that are not ours",
    "refused 401": "tokens of the API that are not known",
    "refused 403": "people and tokens without the right",
    "refused 404": "signed in, and asked for what is not theirs or not there",
    "refused 429": "too many tries or requests",
    "barred": "from a network that is barred",
}
KEPT = timedelta(days=31)
#: Networks that are remembered of one day, those with most.
NETWORKS = 500


def note(what: str, **details: object) -> None:
    """A line: `what` happened, and names with numbers or words of ours; what is empty is left
    out. Call it for what was refused and for who came in."""
    said = (f"{name}={value}" for name, value in details.items() if value not in (None, ""))
    log.info(" ".join((what, *said)))
    kind = f"{what} {details['status']}" if "status" in details else what
    if kind in KINDS:
        _count(kind, str(details.get("network") or ""))


def write() -> None:
    """Let the lines of this process be written; called once when a web process starts."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
    log.handlers[:] = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False


@dataclass
class Refused:
    """How often, over some days."""

    days: dict[str, int] = field(default_factory=dict)
    """{2026-05-03: all together}, the newest first."""
    kinds: Counter[str] = field(default_factory=Counter)
    networks: Counter[str] = field(default_factory=Counter)
    """Shortened ones."""


def refused(days: int = 7) -> Refused:
    """Of the last days, today among them. Raises queue_server.AWAY."""
    found, client = Refused(), queue_server.client()
    for back in range(days):
        day = _day(back)
        kinds = cast(dict[bytes, bytes], client.hgetall(f"refused:{day}"))
        numbers = {kind.decode(): int(n) for kind, n in kinds.items()}
        found.days[day] = sum(numbers.values())
        found.kinds.update(numbers)
        rows = client.zrevrange(f"refused-from:{day}", 0, NETWORKS, withscores=True)
        for network, n in cast(list[tuple[bytes, float]], rows):
            found.networks[network.decode()] += int(n)
    return found


def _count(kind: str, network: str) -> None:
    day, seconds = _day(0), int(KEPT.total_seconds())

    def add(client: redis.Redis) -> None:
        with client.pipeline(transaction=False) as line:
            line.hincrby(f"refused:{day}", kind, 1)
            line.expire(f"refused:{day}", seconds)
            if network:
                line.zincrby(f"refused-from:{day}", 1, network)
                line.zremrangebyrank(f"refused-from:{day}", 0, -NETWORKS - 1)
                line.expire(f"refused-from:{day}", seconds)
            line.execute()

    queue_server.hastily(add)


def _day(back: int) -> str:
    return f"{now() - timedelta(days=back):%Y-%m-%d}"
