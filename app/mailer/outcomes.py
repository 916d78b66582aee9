"""What the answer to one mail means for its recipient.

The table of faults (`mailer.faults`) says whose fault a refusal is; here stands what follows from
it: final or not, when to try again, and whether the address must not be mailed any more. That
last thing needs a permanent verdict about the mailbox itself, never a mere 5yz.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.mailer.courier import Outcome
from app.mailer.faults import Fault, blame

#: Statuses (RFC 3463, RFC 7505) that speak about the mailbox or its domain, for good.
MAILBOX_STATUSES = frozenset(("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"))

_HINT = re.compile(
    r"(?:again|retry|wait|back|after)\D{0,40}?(\d{1,5})\s*(s|secs?|seconds?|m|mins?|minutes?"
    r"|h|hours?)\b",
    re.IGNORECASE,
)
_UNITS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Verdict:
    """What follows from an answer."""

    state: str
    """sent, failed, deferred or uncertain, as Delivery has them; pending: nothing happened."""
    fault: Fault | None = None
    suppress: bool = False
    """The mailbox does not exist: this address is not mailed any more."""
    wait_s: int | None = None
    """How long the server asks us to wait."""


def judge(outcome: Outcome) -> Verdict:
    """Turn one SMTP transaction into a verdict on its delivery.

    4yz → deferred, 5yz → failed (RFC 5321 4.2.1), but a full mailbox is deferred whichever code
    it comes with, for full boxes get emptied.
    """
    if outcome.kind == "accepted":
        return Verdict("sent")
    if outcome.kind == "uncertain":
        return Verdict("uncertain")
    if outcome.kind == "never_left":
        return Verdict("pending")
    fault = _fault(outcome)
    if outcome.kind == "deferred" or fault is Fault.MAILBOX_FULL:
        return Verdict("deferred", fault, wait_s=hinted_wait_s(outcome.text))
    return Verdict("failed", fault, suppress=fault is Fault.MAILBOX and _names_mailbox(outcome))


def hinted_wait_s(text: str) -> int | None:
    """Seconds that the server asks us to wait ("try again in 300 seconds"): 5 s to a day."""
    found = _HINT.search(text)
    if not found:
        return None
    seconds = int(found.group(1)) * _UNITS[found.group(2)[0].lower()]
    return seconds if 5 <= seconds <= 86_400 else None


def _fault(outcome: Outcome) -> Fault:
    if outcome.code is None:
        # No server said this: an answer that never came, or a limit that we know of.
        return Fault.PROVIDER if outcome.kind == "deferred" else Fault.OURS
    return blame(outcome.code, outcome.status, outcome.text)


def _names_mailbox(outcome: Outcome) -> bool:
    """Whether the server speaks of this recipient, not of us or of its own state."""
    if outcome.status:
        return outcome.status in MAILBOX_STATUSES
    # Old servers without enhanced codes: their words, and only in answer to RCPT.
    told = blame(None, "4.0.0", outcome.text)
    return outcome.phase == "rcpt" and outcome.code in (550, 551, 553) and told is Fault.MAILBOX
