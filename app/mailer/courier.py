"""Carries mails over several connections to one relay and says what became of each.

Every mail that is put in comes out exactly once, as one of

accepted    the server took it over
refused     for good (5yz, or this server can never take it)
deferred    for now (4yz, no answer before the content, cut off again and again)
never_left  its final dot surely stayed here; it may simply be tried again
uncertain   the final dot may have gone out and the answer is lost

Nothing here knows a database; what must be on disk first is written by `on_content`.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field

from app.mailer.relay import RelaySettings
from app.mailer.session import DOT, CannotConnect, CannotEncrypt, Session
from app.mailer.wire import Reply, content

#: Connection failures in a row after which we stop knocking.
FAILURES = 5
#: How often a mail is taken to another connection before it is put off.
ATTEMPTS = 3
#: Seconds between two attempts to connect while all fail.
KNOCK_S = 0.3
#: Turns of the loop until connections that were cut while they opened are closed.
HALF_OPEN_TURNS = 4
#: When outcomes for which there was no memory are handed out again, in seconds.
AGAIN_S = 0.5


@dataclass(slots=True)
class Mail:
    """One message to one recipient."""

    id: int
    envelope_from: str
    rcpt: str
    message: bytes
    fresh_until: float = float("inf")
    """On the monotonic clock: after this, ask again whether it may go."""
    is_wire: bool = False
    """The message is already as `wire.content` would make it: 7 bit, CRLF, no leading dot."""
    content: bytes = field(init=False, default=b"")
    rcpt_wire: bytes = field(init=False, default=b"")
    international: bool = field(init=False, default=False)
    ascii: bool = field(init=False, default=True)
    attempts: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.content = self.message if self.is_wire else content(self.message)
        self.message = b""
        self.rcpt_wire = self.rcpt.encode()
        self.international = not self.rcpt.isascii() or not self.envelope_from.isascii()
        self.ascii = self.is_wire or self.content.isascii()


# Not frozen, which would take three times as long to make.
@dataclass(slots=True)
class Outcome:
    """What became of one mail; never changed."""

    id: int
    kind: str
    code: int | None = None
    status: str | None = None
    text: str = ""
    phase: str = ""
    tls: bool = False


Recheck = Callable[[list[int]], Awaitable[set[int]]]


class Courier:
    """Connections to one relay, and the mails that wait for them."""

    def __init__(
        self,
        relay: RelaySettings,
        *,
        on_content: Callable[[list[int]], None],
        on_outcomes: Callable[[list[Outcome]], None],
        recheck: Recheck | None = None,
        fresh_s: float = 0.8,
        knock_s: float = float("inf"),
    ) -> None:
        """`on_content(ids)` runs before the content of these leaves, `on_outcomes` once for each
        mail, `recheck(ids)` tells which of these must not go after all. After `knock_s` seconds in
        which nobody let us in we stop knocking, however few times that was."""
        self.relay = relay
        self.on_content = on_content
        self.on_outcomes = on_outcomes
        self.recheck = recheck
        self.fresh_s = fresh_s
        self.knock_s = knock_s
        self.knocks_since: float | None = None
        self.time = time.monotonic
        self.queue: deque[Mail] = deque()
        self.sessions: set[Session] = set()
        self.ended: set[Session] = set()
        self.opening = 0
        self.idle: list[Session] = []
        self.due: list[Session] = []
        self.done: list[Outcome] = []
        self.outstanding = 0
        self.failures = 0
        self.limit = relay.max_connections
        self.plain_only = False
        self.broken: CannotConnect | None = None
        self.stopping = False
        self._flushing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    # For the one who sends.

    def put(self, mails: Iterable[Mail]) -> None:
        """Take mails over; connections open as there is work."""
        if self._watch is None:
            self._watch = asyncio.create_task(self._watch_time())
        before = len(self.queue)
        self.queue.extend(mails)
        self.outstanding += len(self.queue) - before
        if self.broken or self.stopping:
            self.give_back("nobody connects any more")
            return
        self._employ()

    @property
    def waiting(self) -> int:
        """Mails that no connection has taken yet."""
        return len(self.queue)

    async def until(self, below: int) -> None:
        """Wait until fewer than `below` mails wait for a connection, or nothing goes any more."""
        while len(self.queue) >= below and not self.broken and self.outstanding:
            self._changed.clear()
            await self._changed.wait()

    async def finish(self) -> None:
        """Wait until every mail has its outcome."""
        while self.outstanding:
            self._changed.clear()
            await self._changed.wait()

    def give_back(self, words: str) -> None:
        """Hand out again what no connection has taken; what is under way goes on."""
        while self.queue:
            self._report(Outcome(self.queue.popleft().id, "never_left", text=words))
        self._changed.set()

    async def close(self) -> None:
        """End all connections. Call after finish(); what is still under way is cut."""
        self.stopping = True
        self.give_back("closing")
        for session in list(self.sessions):
            if session.is_idle:
                session.quit()
            else:
                session.drop("We ended the connection.", blame=False)
        for task in [*self._tasks, *([self._watch] if self._watch else [])]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for _ in range(HALF_OPEN_TURNS):
            await asyncio.sleep(0)
        self._flush()
        while self.done:
            await asyncio.sleep(AGAIN_S)
            self._flush()
        await self._hang_up()

    async def _hang_up(self) -> None:
        """Let the connections say goodbye, a second at most."""
        end = self.time() + 1
        while any(not session.lost for session in self.ended):
            for session in self.ended:
                if self.time() > end and session.transport is not None:
                    session.transport.abort()
            if self.time() > end + 1:
                return
            await asyncio.sleep(0.002)

    # For sessions.

    def take(self, session: Session) -> Mail | None:
        """The next mail for a connection; None when there is none now."""
        now = self.time()
        while self.queue:
            if self.recheck and self.queue[0].fresh_until < now:
                self._start(self._refresh())
                return None
            mail = self.queue.popleft()
            objection = session.objection(mail)
            if objection is None:
                self._changed.set()
                return mail
            phase, words = objection
            self._report(Outcome(mail.id, "refused", text=words, phase=phase))
        self._changed.set()
        return None

    def content_is_due(self, session: Session) -> None:
        """The server waits for content; it goes out when the intent is written."""
        self.due.append(session)
        self._flush_soon()

    def answered(self, session: Session, mail: Mail, phase: str, reply: Reply) -> None:
        """The server's verdict on a mail."""
        kind = {2: "accepted", 4: "deferred", 5: "refused"}.get(reply.code // 100, "deferred")
        if phase != DOT and kind == "accepted":
            kind = "deferred"  # a 2yz where 354 belongs is no acceptance of anything
        if phase == DOT and kind == "accepted":
            self.failures = 0
            self._report(Outcome(mail.id, kind, reply.code, text=reply.text, tls=session.encrypted))
            return
        outcome = Outcome(
            mail.id, kind, reply.code, reply.status, reply.text, phase, session.encrypted
        )
        self._report(outcome)

    def uncertain(self, session: Session, mail: Mail, words: str) -> None:
        """Its dot went out and no answer came."""
        self._report(Outcome(mail.id, "uncertain", text=words, phase=DOT, tls=session.encrypted))

    def late(self, session: Session, mail: Mail, phase: str, words: str) -> None:
        """No answer in time, before the content."""
        self._report(Outcome(mail.id, "deferred", text=words, phase=phase, tls=session.encrypted))

    def again(self, session: Session, mail: Mail, phase: str, reply: Reply, *, blame: bool) -> None:
        """Cut off before the content: another connection takes it, unless it happens often."""
        mail.attempts += blame
        if mail.attempts >= ATTEMPTS:
            code = reply.code or None
            self._report(
                Outcome(
                    mail.id, "deferred", code, reply.status, reply.text, phase, session.encrypted
                )
            )
        elif self.stopping or self.broken:
            self._report(Outcome(mail.id, "never_left", text=reply.text))
        else:
            self.queue.append(mail)

    def is_idle(self, session: Session) -> None:
        """A connection has nothing to do."""
        if session not in self.idle:
            self.idle.append(session)
        self._changed.set()

    def is_gone(self, session: Session) -> None:
        """A connection has ended."""
        self.sessions.discard(session)
        self.ended = {one for one in self.ended if not one.lost} | {session}
        if session in self.idle:
            self.idle.remove(session)
        if not self.stopping:
            asyncio.get_running_loop().call_soon(self._employ)

    # Inside.

    def _employ(self) -> None:
        """Give waiting mails to idle connections, and open more where that is not enough."""
        while self.queue and self.idle:
            session = self.idle.pop()
            if session.is_idle:
                mail = self.take(session)
                if mail is None:
                    self.idle.append(session)
                    break
                session.begin(mail)
        if self.stopping or self.broken:
            return
        # While all fail, one at a time knocks: or there would always be another that may succeed.
        limit = 1 if self.failures and not self.sessions else self.limit
        wanted = min(limit, len(self.sessions) + len(self.queue))
        while len(self.sessions) + self.opening < wanted:
            self.opening += 1
            self._start(self._open())

    async def _open(self) -> None:
        session = Session(self)
        self.knocks_since = self.knocks_since or self.time()
        try:
            if self.failures and not self.sessions:
                await asyncio.sleep(KNOCK_S)
            await session.open()
        except CannotConnect as error:
            self._failed(error)
            return
        finally:
            self.opening -= 1
            self._changed.set()
            asyncio.get_running_loop().call_soon(self._employ)
        self.failures, self.knocks_since = 0, None
        self.sessions.add(session)
        self.idle.append(session)
        self._employ()

    def _failed(self, error: CannotConnect) -> None:
        if isinstance(error, CannotEncrypt) and self.plain_only:
            return  # the next one goes in clear
        if self.sessions:
            # It lets us in, only not so often at once.
            self.limit = max(1, len(self.sessions) + self.opening - 1)
            return
        self.failures += 1
        others_try = self.opening > 1
        is_late = self.time() - (self.knocks_since or self.time()) >= self.knock_s
        if (self.failures >= FAILURES or is_late) and not others_try and self.broken is None:
            self.broken = error
            self.give_back(str(error))

    async def _refresh(self) -> None:
        """Ask once for all mails that have waited too long whether they may still go."""
        if self.recheck is None or not self.queue:
            return
        now = self.time()
        stale = [mail for mail in self.queue if mail.fresh_until < now]
        if not stale:
            self._employ()
            return
        self.queue = deque(mail for mail in self.queue if mail.fresh_until >= now)
        self._keep(stale, await self._asked([mail.id for mail in stale]))
        self._employ()

    def _keep(self, mails: list[Mail], left_out: set[int]) -> None:
        fresh_until = self.time() + self.fresh_s
        for mail in reversed(mails):
            if mail.id in left_out or self.stopping or self.broken:
                self._report(Outcome(mail.id, "never_left", text="left out", phase="recheck"))
            else:
                mail.fresh_until = fresh_until
                self.queue.appendleft(mail)

    async def _asked(self, ids: list[int]) -> set[int]:
        """Which of these must not go. When it cannot be known, none goes."""
        if self.recheck is None:
            return set()
        try:
            return await self.recheck(ids)
        except asyncio.CancelledError:
            raise
        except Exception:
            return set(ids)

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        """Hand out outcomes, write intents, then let the contents go: once per turn of the loop."""
        self._flushing = False
        try:
            if self.done:
                self.on_outcomes(self.done)
                self.done.clear()  # not before somebody has them: an answer must never be lost
        except MemoryError:
            self._flushing = True
            asyncio.get_running_loop().call_later(AGAIN_S, self._flush)
            return
        due, self.due = self.due, []
        try:
            self._let_go(due)
        except MemoryError:
            words = "There is too little memory here."
            for session in due:
                if not session.current:
                    session.drop(words, blame=False)
            self.give_back(words)

    def _let_go(self, due: list[Session]) -> None:
        ready = [session for session in due if session.next is not None and not session.closed]
        if self.recheck:
            ready = self._only_fresh(ready)
        if ready:
            self.on_content([session.next.id for session in ready if session.next])
            for session in ready:
                session.write_content()

    def _only_fresh(self, sessions: list[Session]) -> list[Session]:
        now = self.time()
        stale = [one for one in sessions if one.next and one.next.fresh_until < now]
        if not stale:
            return sessions
        self._start(self._content_after_asking(stale))
        return [one for one in sessions if one not in stale]

    async def _content_after_asking(self, sessions: list[Session]) -> None:
        ids = [session.next.id for session in sessions if session.next]
        left_out = await self._asked(ids)
        for session in sessions:
            mail = session.next
            if mail is None or session.closed:
                continue
            if mail.id in left_out:
                # No way back after DATA but to hang up: without its dot nothing was sent.
                session.next = None
                self._report(Outcome(mail.id, "never_left", text="left out", phase="recheck"))
                session.drop("left out", blame=False)
            else:
                mail.fresh_until = self.time() + self.fresh_s
                self.content_is_due(session)

    def _report(self, outcome: Outcome) -> None:
        self.outstanding -= 1
        self.done.append(outcome)
        self._flush_soon()
        if not self.outstanding:
            self._changed.set()

    async def _watch_time(self) -> None:
        while True:
            await asyncio.sleep(0.25)
            now = self.time()
            for session in list(self.sessions):
                session.check_time(now)
            self._employ()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
