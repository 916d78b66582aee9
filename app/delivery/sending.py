"""Working a batch: claim, render, transmit, record, until time is over or nothing is left.

The event loop speaks SMTP and writes the journal; a single second thread does the database, in
short transactions, so that no connection to it is held while mail is on its way and a database
that is away stops no answer from being noted.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa

from app.accounts import relays
from app.campaigns import liquid, scheduling
from app.campaigns.models import Campaign
from app.contacts.models import Contact
from app.core import bounded, stopping
from app.core.clock import now
from app.core.db import connection, db, dialect_name, transaction
from app.core.errors import DomainError
from app.delivery import (
    allowing,
    braking,
    claiming,
    outages,
    recording,
    rendering,
    slowing,
    tallying,
)
from app.delivery.journal import Journal
from app.delivery.models import Batch, DiaryEntry, Outage
from app.mailer.address import BadAddress, quick
from app.mailer.smtp import Courier, Mail, Outcome, RelaySettings, run

log = logging.getLogger(__name__)

DEADLINE_S = 20.0
FRESH_S = 0.8
LARGEST_CHUNK = 1000
SMALLEST_CHUNK = 20
RENEW_S = 5.0
#: A run makes room after so many seconds where others wait, and how often it looks for them.
LEAST_S, GLANCE_S = 3.0, 1.0
#: Until mails are asked for again that a limit of so many a second did not allow yet.
EARLY_S = 0.2
#: Longer than any machine takes to start a thread.
THREAD_S = 10.0
KNOCK_AGAIN = timedelta(seconds=20)
#: How long outcomes are held in memory while the database is away; the journal has them too.
PATIENCE_S = 180.0
#: Refusals in a row that would hit everybody, before the campaign is paused.
BRAKE = 20

NAMES = (*liquid.PERSON, "fields")
Result = TypeVar("Result")


def send_batch(
    batch_id: int,
    *,
    seconds: float = DEADLINE_S,
    or_another: bool = False,
    is_wanted: Callable[[], bool] = lambda: False,
) -> bool:
    """Send a batch, and then others of its campaign, for some seconds or until asked to stop.

    `or_another`: begin with another one of its campaign where somebody else has this one.
    `is_wanted` tells whether other work waits for this worker. Returns True when the campaign has
    more that can go out now.
    """
    started = _start(batch_id, secrets.token_hex(12), or_another=or_another)
    if started is None:
        return False
    started.is_wanted = is_wanted
    try:
        run(started.work(seconds))
    finally:
        started.pool.shutdown()
    return started.more


def _start(batch_id: int, lease: str, *, or_another: bool) -> _Run | None:
    batch = db.session.get(Batch, batch_id, populate_existing=True)
    if batch is None or not (
        batch.state == "ready" or (or_another and _has_more(batch.campaign_id))
    ):
        return None
    campaign = db.session.get_one(Campaign, batch.campaign_id, populate_existing=True)
    if campaign.state != "sending" or not campaign.planned_at:
        return None
    try:
        relay = _relay_for(campaign)
        mold = rendering.compile_campaign(campaign)
    except (DomainError, ValueError) as error:
        _pause(campaign.id, str(error))
        return None
    if relay is None:
        return None
    aim, zone, from_email = claiming.Aim.of(campaign), campaign.account.zone, campaign.from_email
    db.session.rollback()
    pool = _second_thread()
    # The journal lies there before the batch is taken, so a sweep never takes us for dead.
    journal = Journal(lease)
    with transaction():
        taken = batch_id if claiming.take_batch(batch_id, lease) else None
        if taken is None and or_another:
            taken = claiming.take_next(aim.campaign_id, lease)
    if taken is None:
        pool.shutdown()
        journal.remove()
        return None
    limits = allowing.limits_of(aim.account_id, from_email, relay.own)
    pace = slowing.Slowing(relay.key, aim.campaign_id, zone)
    return _Run(aim, relay, mold, lease, journal, taken, pool, pace, limits)


def _second_thread() -> ThreadPoolExecutor:
    """Running before a batch is taken. Raises TimeoutError, RuntimeError where it cannot."""
    pool = ThreadPoolExecutor(1)
    with bounded.at_most(THREAD_S):
        pool.submit(int).result()
    return pool


def _has_more(campaign_id: int) -> bool:
    query = sa.select(
        sa.exists().where(
            Batch.campaign_id == campaign_id,
            Batch.state == "ready",
            Campaign.id == Batch.campaign_id,
            Campaign.state == "sending",
        )
    )
    return bool(db.session.scalar(query))


def _relay_for(campaign: Campaign) -> RelaySettings | None:
    """The relay whose turn it is, or one that stands in; None while all are out or spent."""
    first = relays.for_sender(campaign.account_id, campaign.from_email)
    if _is_usable(campaign, first):
        return first
    others = relays.in_turn(campaign.account_id, campaign.from_email) if first.own else ()
    return next((relay for relay in others if _is_usable(campaign, relay)), None)


def _is_usable(campaign: Campaign, relay: RelaySettings) -> bool:
    outage = db.session.get(Outage, relay.key, populate_existing=True)
    if outage is not None and outage.until > now():
        return False
    limits = allowing.limits_of(campaign.account_id, campaign.from_email, relay.own)
    return allowing.rests_until(relay, limits) is None


def _pause(campaign_id: int, reason: str) -> None:
    with transaction():
        campaign = db.session.get_one(Campaign, campaign_id, populate_existing=True)
        if campaign.state == "sending":
            scheduling.pause(campaign, reason)
            tallying.note(campaign_id, f"Paused: {reason}")
            braking.raise_alarm(campaign_id, "refused", 1, reason, is_paused=True)


@dataclass
class _Run:
    """One worker's run over batches of one campaign, under one lease."""

    aim: claiming.Aim
    relay: RelaySettings
    mold: rendering.CampaignMold
    lease: str
    journal: Journal
    batch_id: int | None
    pool: ThreadPoolExecutor
    pace: slowing.Slowing
    limits: allowing.Limits = allowing.NOTHING
    """What holds for these mails beside the relay's own limits."""
    outcomes: list[Outcome] = field(default_factory=list)
    tries: dict[int, int] = field(default_factory=dict)
    chunk: int = 4 * SMALLEST_CHUNK
    renewed: float = 0.0
    refusals: int = 0
    brake: str = ""
    spent_until: datetime | None = None
    """The relay or a plan has had its hour's or day's worth, and rests until then."""
    is_early: bool = False
    """The mails of this second have gone; the next ones are allowed in a moment."""
    more: bool = False
    began: float = field(default_factory=time.monotonic)
    hour: int = field(default_factory=lambda: allowing.hour())
    looked_at: float = 0.0
    is_wanted: Callable[[], bool] = lambda: False
    makes_room: bool = False
    """Somebody else's campaign or file waits for a worker."""

    async def work(self, seconds: float) -> None:
        """From the first claim to the last row."""
        courier = Courier(
            self.relay,
            on_content=self.journal.intend,
            on_outcomes=self._note,
            recheck=self._recheck,
            fresh_s=FRESH_S,
        )
        try:
            await self._send(courier, time.monotonic() + seconds)
            courier.give_back("time is over")
            await self._wait_for_the_rest(courier)
        finally:
            await courier.close()
        recorded = await self._record_at_last()
        if recorded:
            await self._in_database(lambda: self._end(courier))
            self.journal.remove()
        else:
            # Another process reads it when the database is back.
            self.journal.close()

    async def _send(self, courier: Courier, end: float) -> None:
        while not self._is_over(courier, end):
            if courier.waiting < max(1, self.chunk // 2):
                began, size = time.monotonic(), self.chunk
                mails = await self._turn(size)
                courier.put(mails)
                if self.is_early:
                    await asyncio.sleep(EARLY_S)
                if mails is not None and not mails and (self.batch_id is None or self.spent_until):
                    if not courier.outstanding:
                        return
                    await self._pause_for(courier, 0)
                self._adapt(courier, began)
            await self._pause_for(courier, max(1, self.chunk // 2))

    def _is_over(self, courier: Courier, end: float) -> bool:
        is_late = time.monotonic() > end or self.makes_room or stopping.asked()
        return bool(is_late or courier.broken or self.brake)

    async def _pause_for(self, courier: Courier, below: int) -> None:
        """Until the courier wants more, a quarter of a second at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.25):
                if below:
                    await courier.until(below)
                else:
                    await courier.finish()
        if self.outcomes and (len(self.outcomes) > 2 * LARGEST_CHUNK or not below):
            await self._turn(0)

    def _adapt(self, courier: Courier, began: float) -> None:
        """A chunk is what leaves in about half a second."""
        rate = len(self.outcomes) / max(0.02, time.monotonic() - began)
        wanted = int(rate * FRESH_S / 2) if self.outcomes else self.chunk
        if courier.waiting == 0:
            wanted = max(wanted, 2 * self.chunk)
        self.chunk = max(SMALLEST_CHUNK, min(LARGEST_CHUNK, wanted))

    async def _wait_for_the_rest(self, courier: Courier) -> None:
        """Mails under way get their answer, unless we are asked to leave."""
        asked_at = 0.0
        while courier.outstanding:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    await courier.finish()
            await self._turn(0)
            if stopping.asked():
                asked_at = asked_at or time.monotonic()
                if time.monotonic() - asked_at > 5:
                    return

    def _note(self, done: list[Outcome]) -> None:
        done = [self._braked(outcome) for outcome in done]
        self.outcomes += done
        # What it lacks after a crash counts as uncertain.
        with contextlib.suppress(OSError, MemoryError):
            self.journal.answer(done)

    def _braked(self, outcome: Outcome) -> Outcome:
        """Once it is clear that everybody would be refused, nobody else is: they wait for the
        owner to mend it."""
        ours = recording.is_our_fault(outcome) if outcome.kind == "refused" else False
        if ours and self.brake:
            return Outcome(outcome.id, "never_left", text=outcome.text)
        self.refusals = self.refusals + 1 if ours else 0
        if ours and (outcome.phase == "size" or self.refusals >= BRAKE):
            self.brake = f"The mail server refuses this campaign: {outcome.text}"
        return outcome

    async def _recheck(self, ids: list[int]) -> set[int]:
        def ask() -> set[int]:
            try:
                return claiming.left_out(self.aim, ids)
            finally:
                db.session.rollback()

        return await self._in_database(ask)

    async def _turn(self, want: int) -> list[Mail]:
        """Record what came back, renew the lease, claim and render more: one short visit."""
        try:
            return await self._in_database(lambda: self._visit(want))
        except sa.exc.DBAPIError as error:
            log.warning("database away while sending: %s", type(error.orig).__name__)
            await asyncio.sleep(0.5)
            return []

    def _visit(self, want: int) -> list[Mail]:
        done, self.outcomes = self.outcomes, []
        try:
            with transaction():
                book = tallying.Book(self.aim.campaign_id)
                self._record(book, done)
                self._renew()
                claimed = self._claim(book, want) if want and not self.brake else []
                claimed = self._paced(book, done, claimed)
                book.write()
            for outcome in done:
                self.tries.pop(outcome.id, None)
            self.tries.update(claimed)
            self._look_round()
            return self._render([number for number, _ in claimed])
        except BaseException:
            self.outcomes = done + self.outcomes
            raise
        finally:
            db.session.rollback()

    def _look_round(self) -> None:
        """Nobody's campaign keeps another's waiting for longer than a few seconds."""
        moment = time.monotonic()
        if moment - self.began < LEAST_S or moment - self.looked_at < GLANCE_S:
            return
        self.looked_at = moment
        self.makes_room = claiming.others_wait(self.aim.campaign_id) or self.is_wanted()

    def _record(self, book: tallying.Book, done: list[Outcome]) -> None:
        unsent = recording.record(book, self.lease, done, self.tries) if done else 0
        # What an earlier hour or day allowed is not owed by this one.
        if unsent and self.hour == allowing.hour():
            allowing.give_back(self.relay, unsent, self.limits)

    def _renew(self) -> None:
        if time.monotonic() - self.renewed > RENEW_S:
            claiming.renew(self.lease)
            self.renewed = time.monotonic()

    def _claim(self, book: tallying.Book, want: int) -> list[tuple[int, int]]:
        if self.relay.is_limited or self.limits:
            return self._claim_allowed(book, want)
        return self._claim_from_batches(book, want)

    def _claim_allowed(self, book: tallying.Book, want: int) -> list[tuple[int, int]]:
        """No more than limits and plans leave, which all workers share."""
        granted = allowing.take(self.relay, want, self.limits)
        claimed = self._claim_from_batches(book, granted) if granted else []
        allowing.give_back(self.relay, granted - len(claimed), self.limits)
        is_less = len(claimed) < want
        self.spent_until = allowing.rests_until(self.relay, self.limits) if is_less else None
        self.is_early = not granted and not self.spent_until
        return claimed

    def _paced(
        self, book: tallying.Book, done: list[Outcome], claimed: list[tuple[int, int]]
    ) -> list[tuple[int, int]]:
        """Those of `claimed` whose provider may have mail now."""
        going = self.pace.visit(book, done, claimed)
        if len(going) < len(claimed):
            allowing.give_back(self.relay, len(claimed) - len(going), self.limits)
            self.spent_until = None
        return going

    def _claim_from_batches(self, book: tallying.Book, want: int) -> list[tuple[int, int]]:
        while self.batch_id is not None:
            taken = claiming.claim(book, self.aim, self.batch_id, self.lease, limit=want)
            if taken:
                return taken
            self.batch_id = claiming.take_next(self.aim.campaign_id, self.lease)
        return []

    def _render(self, ids: list[int]) -> list[Mail]:
        if not ids:
            return []
        rows = self._people(ids)
        fresh_until = time.monotonic() + FRESH_S
        mails = [mail for row in rows if (mail := self._mail(row, fresh_until))]
        if missing := set(ids) - {row[0] for row in rows}:
            # Erased between claim and reading: back, and the next claim skips them.
            claiming.forget_erased(missing)
            self.outcomes += [Outcome(number, "never_left") for number in missing]
        return mails

    def _people(self, ids: list[int]) -> Sequence[sa.Row[Any]]:
        """Delivery id, whether not to be counted, what merge tags may ask for."""
        statement = _people_of(dialect_name(), with_fields=self.mold.uses_fields)
        return connection().execute(statement, {"ids": recording.id_list(ids)}).all()

    def _mail(self, row: Sequence[Any], fresh_until: float) -> Mail | None:
        delivery_id, is_quiet, email = row[0], row[1], row[2]
        try:
            address = quick(email)
            to = address.envelope
            values = {
                "contact": dict(zip(NAMES, row[2:], strict=False)),
                "account": self.mold.account_values["account"],
            }
            reader = rendering.Reader(delivery_id, email, values, not is_quiet, to)
            content = self.mold.render(reader)
        except (BadAddress, DomainError) as error:
            words = f"This mail could not be made: {error}"
            self.outcomes.append(Outcome(delivery_id, "refused", text=words, phase="render"))
            return None
        envelope_from, is_plain = self.mold.envelope_from(reader), content.isascii()
        mail = Mail(delivery_id, envelope_from, to, content, fresh_until, is_wire=is_plain)
        # Bodies are 7 bit: anything else is an international address in To, From or Reply-To.
        mail.international = mail.international or not is_plain
        return mail

    async def _record_at_last(self) -> bool:
        """Try until the database has everything; False after PATIENCE_S."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            await self._turn(0)
            if not self.outcomes:
                return True
        return False

    def _end(self, courier: Courier) -> None:
        """Hand everything back and say what happened."""
        with transaction():
            self._release()
            claiming.let_go(self.lease)
            if courier.broken:
                words = str(courier.broken)
                outages.begin(self.relay, self.aim.campaign_id, words, knock_again=KNOCK_AGAIN)
            else:
                outages.end(self.relay, self.aim.campaign_id)
            # Some of what was allowed may have come back.
            if self.spent_until and (until := allowing.rests_until(self.relay, self.limits)):
                self._say_spent(until)
            self.more = not courier.broken and _has_more(self.aim.campaign_id)
        if self.brake:
            _pause(self.aim.campaign_id, self.brake)
        with transaction():
            finish_if_over(self.aim.campaign_id)

    def _release(self) -> None:
        """Rows that a claim took whose answer we never got: nothing of them was begun."""
        rows = claiming.held(self.lease)
        book = tallying.Book(self.aim.campaign_id)
        self._record(book, [Outcome(row.id, "never_left") for row in rows])
        book.write()

    def _say_spent(self, until: datetime) -> None:
        words = allowing.why_rests(self.relay, self.limits, until)
        known = sa.select(sa.exists().where(
            DiaryEntry.campaign_id == self.aim.campaign_id, DiaryEntry.text == words,
            DiaryEntry.at > now() - timedelta(days=1),
        ))  # fmt: skip
        if not db.session.scalar(known):
            tallying.note(self.aim.campaign_id, words)

    async def _in_database(self, work: Callable[[], Result]) -> Result:
        """In the one database thread, inside the same application context."""
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.pool, lambda: context.run(work))


@cache
def _people_of(dialect: str, *, with_fields: bool) -> sa.Select[Any]:
    columns = [getattr(Contact, name) for name in NAMES if with_fields or name != "fields"]
    return recording.with_person(dialect, Contact.tracking_off, *columns)


def finish_if_over(campaign_id: int) -> bool:
    """End a planned campaign in which nothing can change by itself any more."""
    campaign = db.session.get(Campaign, campaign_id, populate_existing=True)
    if campaign is None or campaign.state != "sending" or not campaign.planned_at:
        return False
    if tallying.still_open(campaign_id) or not scheduling.finish(campaign):
        return False
    tallying.note(campaign_id, "Everything is sent.")
    return True
