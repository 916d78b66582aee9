"""How fast one provider may get mail: slower when it asks for that, faster when it takes all.

Pure arithmetic over unix seconds; who keeps a Pace and shares it among workers stands elsewhere.

A provider that asks for patience gets half of what it took. What it refuses in the next seconds
left before that and changes nothing. After each calm minute at that pace it gets a quarter more,
until it takes twice of what it once complained about: then there is no limit any more. A provider
that takes nothing at all is left alone for a minute, then two, up to half an hour, or for as long
as it says, and is then asked with very few mails.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from app.mailer.courier import Outcome
from app.mailer.faults import Fault
from app.mailer.outcomes import hinted_wait_s, judge

#: Mails a minute: nobody is asked for less, so that nothing waits for ever.
LEAST = 6.0
GROWTH = 1.25
RAISE_EVERY_S = 60.0
#: Answers in these seconds after a change are to mails that left before it.
SETTLE_S = 15.0
#: At so many times what it complained about, and at so many a minute, the limit falls away; and
#: after so long a calm.
ENOUGH = 2.0
PLENTY = 600.0
CALM_S = 3600.0
#: Refusals with nothing taken between them, before a provider is left alone.
MISSES = 10
PAUSE_S = 60.0
LONGEST_PAUSE_S = 1800.0
LONGEST_HINT_S = 3600.0
#: Mails that could have gone and did not are saved up for so long.
BURST_S = 15.0
#: Mails that must wait are looked at again after so long at most, since the pace may have grown;
#: later where so many wait that looking at them would be work: at so many a second, and up to so
#: long.
HORIZON_S = 300.0
LOOKS_A_SECOND = 200.0
LONGEST_HORIZON_S = 3600.0
WORDS = 300

_GREY = re.compile(r"gr[ae]y.?list|postgrey", re.IGNORECASE)

SLOW, PAUSED, BACK, FREE = "slow", "paused", "back", "free"


@dataclass(frozen=True)
class Pace:
    """One provider's, through one relay. All moments are unix seconds."""

    phase: str
    """slow; paused: gets nothing; back: slow again after a pause; free: no limit."""
    since: float
    """When the phase began."""
    per_minute: float
    goal: float
    """What it took when it complained last."""
    changed_at: float
    refused_at: float
    until: float = 0.0
    """Nothing goes before."""
    free_at: float = 0.0
    """Until then the mails of each minute are given away."""
    line_until: float = 0.0
    """Those that wait in line have their turns until then."""
    accepted: int = 0
    """Since the last change."""
    misses: int = 0
    """Refusals since it took something last."""
    pauses: int = 0
    """Without anything taken between them."""
    why: str = ""
    """The server's words."""


@dataclass(frozen=True)
class Lot:
    """What came back from one provider in `seconds`."""

    accepted: int = 0
    refused: int = 0
    """Answers that ask us to slow down; other refusals are none of this."""
    seconds: float = 1.0
    wait_s: int | None = None
    """How long it asks us to wait."""
    why: str = ""


def asks_to_slow(outcome: Outcome) -> bool:
    """Whether a server said, about this recipient, that we are too quick or not trusted enough.

    4yz only: a rate (450 4.2.1, 452 4.5.3, by its words), reputation or policy (4.7.x), and 421,
    with which large providers turn senders away. Greylisting (451 4.7.1) asks everybody new to
    come again and says nothing about pace; nor do full or missing mailboxes.
    """
    code = outcome.code or 0
    if outcome.kind != "deferred" or not 400 <= code < 500 or outcome.phase == "mail":
        return False
    fault = judge(outcome).fault
    if fault in (Fault.RATE, Fault.REPUTATION):
        return True
    policy = (outcome.status or "").startswith("4.7.") and outcome.status != "4.7.1"
    return fault is Fault.PROVIDER and (code == 421 or policy) and not _GREY.search(outcome.text)


def lot_of(outcomes: Iterable[Outcome], seconds: float) -> Lot:
    """Add up the outcomes of one provider."""
    outcomes = list(outcomes)
    asking = [outcome for outcome in outcomes if asks_to_slow(outcome)]
    waits = [wait_s for one in asking if (wait_s := hinted_wait_s(one.text))]
    return Lot(
        accepted=sum(outcome.kind == "accepted" for outcome in outcomes),
        refused=len(asking),
        seconds=seconds,
        wait_s=max(waits, default=None),
        why=asking[0].text[:WORDS] if asking else "",
    )


def hear(pace: Pace | None, lot: Lot, *, at: float) -> Pace | None:
    """The pace after these answers; None where there is no reason for one."""
    if pace is None or pace.phase == FREE:
        return _begun(lot, at) if lot.refused else pace
    known = replace(
        pace,
        accepted=pace.accepted + lot.accepted,
        misses=lot.refused if lot.accepted else pace.misses + lot.refused,
    )
    if at < pace.until:
        return known  # left before the pause
    if lot.refused:
        return _refused(known, lot, at)
    return _taken(known, lot, at)


def _begun(lot: Lot, at: float) -> Pace:
    took = max(LEAST, lot.accepted * 60 / max(1.0, lot.seconds))
    pace = Pace(
        SLOW, at, max(LEAST, took / 2), took, at, at, free_at=at,
        misses=0 if lot.accepted else lot.refused, why=lot.why,
    )  # fmt: skip
    if not lot.accepted and (lot.wait_s or lot.refused >= MISSES):
        return _paused(pace, lot, at)
    return pace


def _refused(pace: Pace, lot: Lot, at: float) -> Pace:
    pace = replace(pace, refused_at=at)
    if at - pace.changed_at < SETTLE_S:
        took_nothing = pace.goal <= LEAST and not pace.accepted and pace.misses >= MISSES
        return _paused(pace, lot, at) if took_nothing else pace
    if not lot.accepted and (pace.misses >= MISSES or pace.phase == PAUSED or lot.wait_s):
        return _paused(pace, lot, at)
    took = pace.per_minute
    if _is_used(pace, lot, at):
        took = min(took, pace.accepted * 60 / (at - pace.changed_at))
    took = max(LEAST, took)
    phase = BACK if pace.phase == PAUSED else pace.phase
    return replace(
        pace, phase=phase, per_minute=max(LEAST, took / 2), goal=took, changed_at=at, accepted=0,
        line_until=at,
    )  # fmt: skip


def _paused(pace: Pace, lot: Lot, at: float) -> Pace:
    wait_s = min(PAUSE_S * 2**pace.pauses, LONGEST_PAUSE_S)
    wait_s = max(wait_s, min(lot.wait_s or 0, LONGEST_HINT_S))
    until = at + wait_s
    return replace(
        pace, phase=PAUSED, since=pace.since if pace.phase == PAUSED else at,
        per_minute=max(LEAST, pace.per_minute / 2), changed_at=until - SETTLE_S, until=until,
        free_at=until, line_until=until, accepted=0, pauses=min(pace.pauses + 1, 10),
        why=lot.why or pace.why,
    )  # fmt: skip


def _taken(pace: Pace, lot: Lot, at: float) -> Pace:
    if at - pace.refused_at >= CALM_S:
        return _freed(pace, at)
    if not lot.accepted:
        return pace
    if pace.phase == PAUSED:
        return replace(pace, phase=BACK, since=at, changed_at=at, accepted=0, pauses=0)
    if at - pace.changed_at < RAISE_EVERY_S or not _is_used(pace, lot, at):
        return pace
    faster = pace.per_minute * GROWTH + 1
    if faster >= max(PLENTY, ENOUGH * pace.goal):
        return _freed(pace, at)
    return replace(pace, per_minute=faster, changed_at=at, accepted=0, pauses=0)


def _freed(pace: Pace, at: float) -> Pace:
    return replace(pace, phase=FREE, since=at, changed_at=at, until=0.0, accepted=0, misses=0)


def _is_used(pace: Pace, lot: Lot, at: float) -> bool:
    """Whether so many went that their number says something about the pace."""
    allowed = pace.per_minute * (at - pace.changed_at) / 60
    return pace.accepted + lot.refused >= allowed / 2


def is_over(pace: Pace, *, at: float) -> bool:
    """Whether there is no limit any more, also where nobody has noticed yet."""
    return pace.phase == FREE or (at >= pace.until and at - pace.refused_at >= CALM_S)


def grant(pace: Pace, want: int, *, at: float) -> tuple[int, Pace]:
    """How many of `want` may go now; they are taken from the pace."""
    if is_over(pace, at=at):
        return want, pace
    if at < pace.until:
        return 0, pace
    step = 60 / pace.per_minute
    earliest = max(pace.free_at, at - max(BURST_S, step))
    n = max(0, min(want, int((at - earliest) / step + 1e-6)))
    return n, replace(pace, free_at=earliest + n * step)


def line_up(pace: Pace, n: int, *, at: float, waiting: int = 0) -> tuple[list[float], Pace]:
    """When to look again at each of `n` mails that may not go now.

    `waiting`: how many mails are in line already, roughly.
    """
    # Twice as close as they may go now: the pace may grow before their turn.
    step, begin = 30 / pace.per_minute, max(at, pace.until)
    start = max(begin, pace.line_until)
    horizon = min(max(HORIZON_S, waiting / LOOKS_A_SECOND), LONGEST_HORIZON_S)
    last = begin + horizon
    turns = [start + (i + 1) * step for i in range(n)]
    # Beyond the horizon nobody knows; spread, so that they do not all come at once.
    turns = [turn if turn <= last else last - horizon / 2 * (i % 64) / 64
             for i, turn in enumerate(turns)]  # fmt: skip
    return turns, replace(pace, line_until=min(start + n * step, last))
