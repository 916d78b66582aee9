"""Keeping each provider's pace: one row for a relay and a provider, shared by all workers.

While nobody is slowed this costs a look at outcomes that were put off and one small query a
second. Once somebody is, their mails are counted out; those that may not go yet go back without
a try, to be looked at again a bit later, and everybody else's mail goes on.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

import sqlalchemy as sa

from app.contacts.models import Contact
from app.core.clock import now
from app.core.db import db, dialect_name, insert
from app.delivery import hosting, recording, tallying
from app.delivery.models import Delivery, DiaryEntry, ProviderPace
from app.mailer import mailbox_providers, pacing
from app.mailer.pacing import BACK, FREE, PAUSED, SLOW, Lot, Pace
from app.mailer.smtp import Outcome

#: How old what a run knows of the paces may be.
FRESH_S = 1.0
#: Turns are rounded to so many seconds: a sweep does not look more often.
ROUND_S = 5
#: So many deliveries before the last one are looked at for what a provider took lately.
LATELY = 6_000
#: Why a Delivery is deferred that never left.
REASON = "pace"
KEEP_S = 86_400.0

Claimed = list[tuple[int, int]]
"""(delivery id, tries)"""
_FIELDS = tuple(field.name for field in dataclasses.fields(Pace))


class Slowing:
    """What one run knows of the providers behind its relay."""

    def __init__(self, relay: str, campaign_id: int, zone: tzinfo) -> None:
        """`relay` is a RelaySettings.key; the diary's times are in `zone`."""
        self.relay, self.campaign_id, self.zone = relay, campaign_id, zone
        self.known: dict[str, Pace] = {}
        self._read_at = float("-inf")
        self._heard_at = time.monotonic()
        self._providers: dict[str, str] = {}
        self._flying: dict[int, str] = {}
        """Provider of each mail that was let go to a slowed one."""
        self._told: set[tuple[str, str, float]] = set()

    def visit(self, book: tallying.Book, done: Sequence[Outcome], claimed: Claimed) -> Claimed:
        """Learn from what came back, and keep those of `claimed` that may go now.

        Call inside the transaction that recorded and claimed, before the book is written.
        """
        asking = [one for one in done if one.kind == "deferred" and pacing.asks_to_slow(one)]
        if asking or self._is_slowed():
            seconds = time.monotonic() - self._heard_at
            before = self._locked()
            paces = dict(before)
            self._hear(paces, done, bool(asking), seconds)
            claimed = self._hold(book, paces, claimed)
            self._keep(before, paces)
        if done:
            self._heard_at = time.monotonic()
        return claimed

    def _is_slowed(self) -> bool:
        if time.monotonic() - self._read_at > FRESH_S:
            self._read_at = time.monotonic()
            self.known = {row.provider: _pace(row) for row in _rows(self.relay)}
            self._tell_freed(self.known)
        moment = time.time()
        return any(not pacing.is_over(pace, at=moment) for pace in self.known.values())

    def _locked(self) -> dict[str, Pace]:
        """The paces, held to the end of the transaction; always in the same order."""
        return {row.provider: _pace(row) for row in _rows(self.relay, lock=True)}

    def _hear(
        self, paces: dict[str, Pace], done: Sequence[Outcome], asked: bool, seconds: float
    ) -> None:
        moment = time.time()
        for provider, outcomes in self._by_provider(done, asked).items():
            before = paces.get(provider)
            lot = pacing.lot_of(outcomes, seconds)
            if lot.refused and (before is None or before.phase == FREE):
                lot = self._with_lately(lot, provider, done)
            after = pacing.hear(before, lot, at=moment)
            if after is None:
                continue
            paces[provider] = after
            if before is None or before.phase != after.phase:
                self._tell(provider, after, lot.why)

    def _by_provider(self, done: Sequence[Outcome], asked: bool) -> dict[str, list[Outcome]]:
        of = self._look([outcome.id for outcome in done]) if asked else self._flying
        found: dict[str, list[Outcome]] = {}
        for outcome in done:
            if provider := of.get(outcome.id):
                found.setdefault(provider, []).append(outcome)
        return dict(sorted(found.items()))

    def _with_lately(self, lot: Lot, provider: str, done: Sequence[Outcome]) -> Lot:
        """What the provider took before it complained, which nobody had counted until now."""
        last = max(outcome.id for outcome in done)
        rows = db.session.execute(
            sa.select(Delivery.id, Delivery.sent_at).where(
                Delivery.id.between(last - LATELY, last),
                Delivery.campaign_id == self.campaign_id,
                Delivery.state == "sent",
                Delivery.sent_at > now() - timedelta(minutes=1),
            )
        ).all()
        of = self._look([row.id for row in rows])
        taken = [row.sent_at for row in rows if of.get(row.id) == provider]
        if not taken:
            return lot
        seconds = max(1.0, (now() - min(taken)).total_seconds())
        return dataclasses.replace(lot, accepted=len(taken), seconds=seconds)

    def _look(self, ids: Sequence[int]) -> dict[int, str]:
        """The provider of each delivery."""
        query = recording.with_person(dialect_name(), Contact.address)
        rows = db.session.execute(query, {"ids": recording.id_list(ids)}).all()
        domains = {row.id: row.address.rpartition("@")[2] for row in rows}
        if new := set(domains.values()) - self._providers.keys():
            self._providers.update(hosting.providers_of(new))
        return {number: self._providers[domain] for number, domain in domains.items()}

    def _hold(self, book: tallying.Book, paces: dict[str, Pace], claimed: Claimed) -> Claimed:
        moment = time.time()
        slowed = {name for name, pace in paces.items() if not pacing.is_over(pace, at=moment)}
        if not claimed or not slowed:
            return claimed
        waiting: dict[str, list[int]] = {}
        for number, provider in sorted(self._look([number for number, _ in claimed]).items()):
            if provider in slowed:
                waiting.setdefault(provider, []).append(number)
        held: dict[int, float] = {}
        in_line = tallying.count(self.campaign_id, "deferred")
        for provider, ids in waiting.items():
            n, paces[provider] = pacing.grant(paces[provider], len(ids), at=moment)
            self._flying.update(dict.fromkeys(ids[:n], provider))
            turns, paces[provider] = pacing.line_up(
                paces[provider], len(ids) - n, at=moment, waiting=in_line
            )
            held.update(zip(ids[n:], turns, strict=True))
            if turns:
                self._tell(provider, paces[provider])
        self._put_back(book, held)
        return [(number, tries) for number, tries in claimed if number not in held]

    def _put_back(self, book: tallying.Book, held: dict[int, float]) -> None:
        """They did not go, so it was no try."""
        turns: dict[int, list[int]] = {}
        for number, turn in held.items():
            turns.setdefault(int(turn // ROUND_S) + 1, []).append(number)
        for turn, ids in turns.items():
            db.session.execute(
                sa.update(Delivery)
                .where(recording.among(ids), Delivery.state == "sending")
                .values(
                    state="deferred", reason=REASON, lease=None, tries=Delivery.tries - 1,
                    next_try_at=_at(turn * ROUND_S),
                )
                .execution_options(synchronize_session=False)
            )  # fmt: skip
        book.note("sending", "deferred", len(held))

    def _keep(self, before: dict[str, Pace], paces: dict[str, Pace]) -> None:
        rows = [
            {**dataclasses.asdict(pace), "relay": self.relay, "provider": provider, "waits": True}
            for provider, pace in sorted(paces.items())
            if pace != before.get(provider)
        ]
        for row in rows:
            statement = insert(ProviderPace).values(row)
            db.session.execute(
                statement.on_conflict_do_update(
                    index_elements=["relay", "provider"],
                    set_={name: statement.excluded[name] for name in (*_FIELDS, "waits")},
                )
            )
        self.known, self._read_at = paces, time.monotonic()

    def _tell(self, provider: str, pace: Pace, why: str = "") -> None:
        """In the diary, once for each phase, whichever worker comes first."""
        key = (provider, pace.phase, pace.since)
        if key in self._told:
            return
        self._told.add(key)
        fact, more = words(provider, pace, self.zone)
        if not _is_told(self.campaign_id, fact):
            said = f" It said: “{why}”" if why else ""
            tallying.note(self.campaign_id, f"{fact} {more}{said}".strip())

    def _tell_freed(self, paces: dict[str, Pace]) -> None:
        """Where this campaign's diary says that somebody was slowed, it says the end as well."""
        for provider, pace in paces.items():
            if pace.phase != FREE or (provider, FREE, pace.since) in self._told:
                continue
            if _is_told(self.campaign_id, f"{mailbox_providers.name_of(provider)} "):
                self._tell(provider, pace)
            else:
                self._told.add((provider, FREE, pace.since))


def words(provider: str, pace: Pace, zone: tzinfo) -> tuple[str, str]:
    """What happened, which is the same for everybody, and what follows from it."""
    name, at = mailbox_providers.name_of(provider), f"{_at(pace.since).astimezone(zone):%H:%M}"
    until = f"{_at(pace.until).astimezone(zone):%H:%M}"
    return {
        SLOW: (
            f"{name} asked us to slow down at {at}.",
            "It gets fewer mails for a while; everybody else's go on.",
        ),
        PAUSED: (
            f"{name} took no more mail at {at}.",
            f"We wait until {until} and then ask with a few; everybody else's mail goes on.",
        ),
        BACK: (f"{name} takes mail again; we went on at {at}.", "We speed up step by step."),
        FREE: (f"{name} takes mail at full speed again since {at}.", ""),
    }[pace.phase]


@dataclasses.dataclass(frozen=True)
class Slowed:
    """A provider that gets its mail slowly behind a relay, for showing."""

    name: str
    since: datetime
    line: str
    why: str
    """The server's words. They may name a reader of whoever heard them."""


def behind(relay_key: str, zone: tzinfo) -> list[Slowed]:
    """Who is slowed behind a relay now, by name."""
    moment = time.time()
    rows = [(row, _pace(row)) for row in _rows(relay_key)]
    return sorted(
        (
            Slowed(
                mailbox_providers.name_of(row.provider), _at(row.since),
                _line(row.provider, pace, zone), row.why,
            )
            for row, pace in rows
            if not pacing.is_over(pace, at=moment)
        ),
        key=lambda one: one.name,
    )  # fmt: skip


def now_slowed(campaign_id: int, relay_keys: Iterable[str], zone: tzinfo) -> list[str]:
    """A line for each provider that this campaign waits for."""
    found = [one for key in relay_keys for one in behind(key, zone)]
    return sorted({one.line for one in found if _is_told(campaign_id, f"{one.name} ")})


def _line(provider: str, pace: Pace, zone: tzinfo) -> str:
    name = mailbox_providers.name_of(provider)
    if pace.until > time.time():
        return f"{name} gets nothing until {_at(pace.until).astimezone(zone):%H:%M}."
    return f"{name} gets about {pace.per_minute:,.0f} mails a minute, because it asked us to."


def forget(relay_key: str) -> int:
    """Full speed for everybody behind a relay, at once; returns how many were slowed."""
    result = db.session.execute(
        sa.update(ProviderPace)
        .where(ProviderPace.relay == relay_key, ProviderPace.phase != FREE)
        .values(phase=FREE, since=time.time(), until=0.0, waits=True)
        .execution_options(synchronize_session=False)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


def wake(chunk: int) -> bool:
    """Mails in line for a provider that is free again come due; True while there are more.

    Those of others that are still slowed come due as well and go back to the line.
    """
    over = sa.or_(ProviderPace.phase == FREE, ProviderPace.refused_at < time.time() - KEEP_S)
    keys = db.session.execute(
        sa.select(ProviderPace.relay, ProviderPace.provider).where(ProviderPace.waits, over)
    ).all()
    if not keys:
        return False
    waiting = (
        sa.select(Delivery.id)
        .where(
            Delivery.state == "deferred", Delivery.next_try_at > now(), Delivery.reason == REASON
        )
        .limit(chunk)
        # A run that claims them just now takes them in another order: never wait for each other.
        .with_for_update(skip_locked=True)
    )
    result = db.session.execute(
        sa.update(Delivery)
        .where(Delivery.id.in_(waiting.scalar_subquery()), Delivery.state == "deferred")
        .values(next_try_at=now())
        .execution_options(synchronize_session=False)
    )
    if int(result.rowcount) == chunk:  # type: ignore[attr-defined]
        return True
    for key in keys:
        db.session.execute(
            sa.update(ProviderPace)
            .where(ProviderPace.relay == key.relay, ProviderPace.provider == key.provider)
            .values(waits=False)
            .execution_options(synchronize_session=False)
        )
    return False


def tidy() -> None:
    """What nobody complained about for a day is no news any more."""
    db.session.execute(
        sa.delete(ProviderPace)
        .where(
            ProviderPace.refused_at < time.time() - KEEP_S, ProviderPace.until < time.time(),
            ProviderPace.waits.is_(False),
        )
        .execution_options(synchronize_session=False)
    )  # fmt: skip


def _rows(relay: str, *, lock: bool = False) -> Sequence[ProviderPace]:
    query = (
        sa.select(ProviderPace)
        .where(ProviderPace.relay == relay)
        .order_by(ProviderPace.provider)
        .execution_options(populate_existing=True)
    )
    return db.session.scalars(query.with_for_update() if lock else query).all()


def _pace(row: ProviderPace) -> Pace:
    return Pace(**{name: getattr(row, name) for name in _FIELDS})


def _is_told(campaign_id: int, beginning: str) -> bool:
    return bool(
        db.session.scalar(
            sa.select(
                sa.exists().where(
                    DiaryEntry.campaign_id == campaign_id,
                    DiaryEntry.text.startswith(beginning, autoescape=True),
                    DiaryEntry.at > now() - timedelta(days=2),
                )
            )
        )
    )


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
