"""What the reports of all mail providers have in common."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.mailer import dsn
from app.mailer.dsn import Finding
from app.mailer.faults import Fault

#: Providers try again for up to a day; what is older than this is not theirs any more.
FRESH = timedelta(hours=26)
#: How far their clocks, or ours, may be ahead.
AHEAD = timedelta(minutes=15)
#: What is kept of a text out of a report.
LONGEST = 1000

#: What a mail carries so that its provider names it again: a header, made from its token.
MARK = "leadersend"


@dataclass(frozen=True)
class Posted:
    """A report as it came."""

    body: bytes
    headers: Mapping[str, str]
    """Names in lower case."""
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Told:
    """What a provider says of one mail."""

    what: str
    """delivered; left: the provider had it; bounced; complained; unsubscribed; nothing."""
    name: str = ""
    """The provider's own name of this piece of news, the same each time it is told."""
    marks: tuple[str, ...] = ()
    """Texts that may hold a mark of ours: Message-ID, return path."""
    token: str = ""
    """What stood in the header that we gave the mail for this provider."""
    finding: Finding | None = None
    """What a bounce or complaint means."""


class Refused(Exception):
    """A report that is not taken. `status` is HTTP's; the message is for the account's owner."""

    def __init__(self, words: str, status: int = 403) -> None:
        super().__init__(words)
        self.status = status


class Unavailable(Exception):
    """It cannot be judged just now; the provider is to come again."""


#: Gets a certificate of Amazon's. Raises Unavailable.
Fetch = Callable[[str], bytes]


def parse(body: bytes) -> Any:
    """JSON of any quality. Raises Refused."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise malformed() from None


def malformed() -> Refused:
    """What was posted is not what this provider posts."""
    return Refused("It was not in the form that this provider uses.", 400)


def a_dict(value: Any) -> dict[str, Any]:
    """Raises Refused for anything else."""
    if not isinstance(value, dict):
        raise malformed()
    return value


def inner(value: Any, name: str) -> dict[str, Any]:
    """An object inside of another; empty where there is none."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def text(value: Any, longest: int = LONGEST) -> str:
    """A string or number as one line that any database takes; anything else is empty."""
    if not isinstance(value, str | int) or isinstance(value, bool):
        return ""
    # Python refuses to write very long numbers, and lone surrogates cannot be stored.
    plain = value if isinstance(value, str) else format(value, "d") if abs(value) < 1 << 64 else ""
    plain = plain[:longest].encode("utf-8", "replace").decode().replace("\0", "")
    return " ".join(plain.split())


def demand_fresh(moment: datetime, at: datetime) -> None:
    """Raises Refused for a report out of time: somebody may have kept it."""
    if not at - FRESH < moment < at + AHEAD:
        raise Refused("It was signed more than a day ago, or in the future.")


def from_seconds(value: str) -> datetime:
    """Unix time as providers write it. Raises Refused."""
    try:
        return datetime.fromtimestamp(int(value), tz=UTC)
    except (ValueError, OverflowError, OSError):
        raise malformed() from None


def bounce(
    address: str,
    words: str,
    *,
    status: str = "",
    is_final: bool = True,
    says_mailbox: bool = False,
    says_sender: bool = False,
) -> Finding:
    """What a bounce means: by the table for all answers, with the provider's word beside it.

    `says_mailbox`: the provider calls the mailbox dead, which counts where the server's words say
    nothing. `says_sender`: it says that we were blocked, which no words turn against the reader.
    """
    told = dsn.STATUS.search(status) or dsn.STATUS.search(words)
    found = dsn.judged(address, told.group() if told else "", words, delayed=not is_final)
    if says_mailbox and is_final and found.fault == dsn.UNCLEAR:
        return replace(found, fault=Fault.MAILBOX.value)
    if says_sender and found.verdict != "sender":
        return replace(found, verdict="sender", fault=Fault.REPUTATION.value)
    return found


def dropped(address: str, words: str, *, bounced_before: bool) -> Finding:
    """The provider did not even try, by a list of its own, which nobody here can look into.

    An earlier bounce adds up over time like one without a reason; a wish or complaint of the
    past may be about another business and is held against nobody.
    """
    if bounced_before:
        return Finding(address, "hard", "", words, dsn.UNCLEAR)
    return Finding(address, "sender", "", words, Fault.OURS.value)


def complaint(address: str, words: str) -> Finding:
    """The reader pressed the button for junk mail."""
    return Finding(address, "complaint", "", words)
