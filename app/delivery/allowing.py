"""The limits of a relay, of warm-up plans and of the ladder of trust, kept by all workers
together: a row each, changed with the claim.

Mails a second are given out as they come due, at most a second's worth at once; hours and days
are those of the clock (UTC).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from app.accounts import ladder, warming
from app.core.db import db, insert
from app.delivery.models import RelayUse
from app.mailer.smtp import RelaySettings

HOUR_S, DAY_S = 3600, 86_400


@dataclass(frozen=True)
class Limits:
    """What holds for a campaign's mails beside the limits of the relay itself."""

    plans: tuple[int, ...] = ()
    """Ids of warm-up plans (accounts.warming.active)."""
    account: int | None = None
    """The account, where a step of the ladder of trust limits it (accounts.ladder.holds)."""

    def __bool__(self) -> bool:
        return bool(self.plans) or self.account is not None


NOTHING = Limits()


def limits_of(account_id: int, from_email: str, own_relay: int) -> Limits:
    """What holds for mail From this address through this relay (0: not own)."""
    return Limits(warming.active(account_id, from_email, own_relay), ladder.holds(account_id))


def take(relay: RelaySettings, want: int, limits: Limits = NOTHING) -> int:
    """How many of `want` mails may go now; they count as sent. Call inside a transaction."""
    if limits.plans:
        want = warming.take(limits.plans, want)
    given = want = max(0, want)
    if limits.account is not None:
        given = want = ladder.take(limits.account, want)
    want = _take(relay, want)
    if limits.account is not None and want < given:
        ladder.give_back(limits.account, given - want)
    warming.count(limits.plans, want)
    return want


def _take(relay: RelaySettings, want: int) -> int:
    if not relay.is_limited or not want:
        return want
    moment = time.time()
    use = _row(relay.key)
    _turn_over(use, moment)
    if relay.per_hour:
        want = min(want, relay.per_hour - use.in_hour)
    if relay.per_day:
        want = min(want, relay.per_day - use.in_day)
    if relay.per_second:
        # Never more ahead of the clock than what one second allows.
        earliest = max(use.free_at, moment - 1)
        want = min(want, int((moment - earliest) * relay.per_second + 1e-6))
        want = max(0, want)
        use.free_at = earliest + want / relay.per_second
    want = max(0, want)
    use.in_hour += want
    use.in_day += want
    db.session.flush()
    return want


def give_back(relay: RelaySettings, n: int, limits: Limits = NOTHING) -> None:
    """Allowed, but there was nothing to send, or it never left. Call inside a transaction of the
    same `hour`."""
    if n <= 0:
        return
    warming.count(limits.plans, -n)
    if limits.account is not None:
        ladder.give_back(limits.account, n)
    if relay.is_limited:
        use = _row(relay.key)
        use.in_hour, use.in_day = max(0, use.in_hour - n), max(0, use.in_day - n)
        if relay.per_second:
            use.free_at -= n / relay.per_second
        db.session.flush()


def hour() -> int:
    """The hour since 1970 (UTC), for which limits count."""
    return int(time.time() // HOUR_S)


def rests_until(relay: RelaySettings, limits: Limits = NOTHING) -> datetime | None:
    """When mails that have had their hour's or day's worth may go on; None where they may now."""
    if limits.plans and warming.spent(limits.plans):
        return warming.tomorrow()
    if limits.account is not None and (until := ladder.rests_until(limits.account)):
        return until
    use = db.session.get(RelayUse, relay.key, populate_existing=True)
    if use is None:
        return None
    moment = time.time()
    hour, day = int(moment // HOUR_S), int(moment // DAY_S)
    if relay.per_day and use.day == day and use.in_day >= relay.per_day:
        return datetime.fromtimestamp((day + 1) * DAY_S, UTC)
    if relay.per_hour and use.hour == hour and use.in_hour >= relay.per_hour:
        return datetime.fromtimestamp((hour + 1) * HOUR_S, UTC)
    return None


def take_whole(key: str, want: int, *, per_day: int) -> bool:
    """Whether all of `want` may go today under a limit that is no relay's; all or nothing.

    They count as sent then. Call inside a transaction.
    """
    use = _row(key)
    _turn_over(use, time.time())
    if use.in_day + want > per_day:
        return False
    use.in_day += want
    db.session.flush()
    return True


def why_rests(relay: RelaySettings, limits: Limits, until: datetime) -> str:
    """In plain words, for the diary."""
    words = warming.spent(limits.plans)
    if not words and limits.account is not None:
        words = ladder.spent(limits.account)
    words = words or f"{relay.host} has had as many mails as its limits allow."
    return f"{words} It goes on at {until:%H:%M} UTC."


def _row(key: str) -> RelayUse:
    values = {"free_at": 0.0, "hour": 0, "in_hour": 0, "day": 0, "in_day": 0}
    db.session.execute(insert(RelayUse).values(relay=key, **values).on_conflict_do_nothing())
    # Held to the end of the transaction, so that two workers never give out the same.
    return db.session.get_one(RelayUse, key, with_for_update=True, populate_existing=True)


def _turn_over(use: RelayUse, moment: float) -> None:
    hour, day = int(moment // HOUR_S), int(moment // DAY_S)
    if use.hour != hour:
        use.hour, use.in_hour = hour, 0
    if use.day != day:
        use.day, use.in_day = day, 0
