"""One SMTP connection, pipelined (RFC 2920).

The content of a mail and MAIL, RCPT and DATA of the next one leave in one write, so a mail costs
one round trip. Replies are told apart by counting them, never by their text.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
import ssl
from collections import deque
from typing import TYPE_CHECKING, Any

from app.mailer.relay import RelaySettings
from app.mailer.wire import NotAReply, Reply, ReplyReader, is_path

if TYPE_CHECKING:
    from app.mailer.courier import Courier, Mail

RSET, MAIL, RCPT, DATA, DOT, EMPTY_DOT = "rset", "mail", "rcpt", "data", "dot", "empty dot"
#: Content above this is written first and its final dot only when all of it has left.
BIG = 65_536
#: A server that takes longer than this for a mail gets the next one only after its answer, so
#: that the next recipient is not committed too early.
SLOW_S = 0.4
HUNG_UP = "The mail server hung up while encryption was set up."
#: What OpenSSL says when the other side begins without TLS.
NO_TLS = ("WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "UNEXPECTED_MESSAGE")


class CannotConnect(Exception):
    """No usable connection; the message says why in plain words."""

    def __init__(self, words: str, reply: Reply | None = None) -> None:
        answer = f" It said: {reply.code} {reply.text}" if reply else ""
        super().__init__(words + answer)


class CannotEncrypt(CannotConnect):
    """The server began to encrypt and could not."""


class Session(asyncio.Protocol):
    """A connection that takes mails from its Courier until it is closed."""

    def __init__(self, courier: Courier) -> None:
        self.courier = courier
        self.relay: RelaySettings = courier.relay
        self.transport: Any = None
        self.reader = ReplyReader()
        self.extensions: dict[str, str] = {}
        self.encrypted = False
        self.ready = False
        self.closed = False
        self.lost = False
        """The transport is gone for good."""
        self.waiter: asyncio.Future[Reply] | None = None
        self.early: Reply | NotAReply | None = None
        self.expected: deque[str] = deque()
        self.since = 0.0
        self.next: Mail | None = None
        """Its MAIL, RCPT and DATA are out, its content is not."""
        self.current: Mail | None = None
        """Its final dot is out, the answer is not here."""
        self.problem: tuple[str, Reply] | None = None
        self.open_transaction = False
        self.mails = 0
        self.last_s = 0.0
        self.paused = False
        self.body_is_out = False

    # Setting up: one answer at a time.

    async def open(self) -> None:
        """Connect, greet, encrypt, sign in. Raises CannotConnect."""
        try:
            await self._open()
        except CannotConnect:
            self.abort()
            raise
        except NotAReply as error:
            self.abort()
            raise CannotConnect(str(error)) from None
        except TimeoutError:
            self.abort()
            raise CannotConnect(_silent(self.relay)) from None
        except (OSError, ssl.SSLError, ConnectionError) as error:
            self.abort()
            raise CannotConnect(_plain(self.relay, error)) from None
        except asyncio.CancelledError:
            # Nobody wants the connection any more. Left open, it would keep the loop from closing.
            self.abort()
            raise
        self.ready = True

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        relay = self.relay
        implicit = relay.tls == "implicit"
        async with asyncio.timeout(relay.timeouts.connect):
            await loop.create_connection(
                lambda: self,
                relay.pinned or relay.host,
                relay.port,
                ssl=relay.ssl_context() if implicit else None,
                server_hostname=relay.host if implicit else None,
            )
        self.encrypted = implicit
        greeting = await self._answer(relay.timeouts.greeting)
        if greeting.code != 220:
            raise CannotConnect("The mail server turned us away.", greeting)
        await self._hello()
        await self._encrypt(loop)
        await self._sign_in()
        if self._is_ahead:
            raise CannotConnect("The mail server answers what it was not asked.")
        self.transport.set_write_buffer_limits(high=0)

    async def _hello(self) -> None:
        name = self._own_name()
        reply = await self._ask(f"EHLO {name}")
        self.extensions = {}
        if reply.code == 250:
            self.extensions = _extensions(self.reader.lines)
        elif (await self._ask(f"HELO {name}")).code != 250:
            raise CannotConnect("The mail server did not accept our greeting.", reply)

    def _own_name(self) -> str:
        address = str(self.transport.get_extra_info("sockname")[0]).split("%")[0]
        try:
            six = ipaddress.ip_address(address).version == 6
        except ValueError:
            return "localhost"
        return f"[IPv6:{address}]" if six else f"[{address}]"

    async def _encrypt(self, loop: asyncio.AbstractEventLoop) -> None:
        relay = self.relay
        if relay.tls not in ("starttls", "opportunistic"):
            return
        required = relay.tls == "starttls"
        refusal = await self._ask_for_tls()
        if refusal:
            if required:
                raise refusal
            return
        try:
            self.transport = await self._shake_hands(loop)
        except (ssl.SSLError, ConnectionError) as error:
            # It cannot encrypt, or hung up over it. One that is merely slow (TimeoutError is an
            # OSError too) says nothing about encryption: it is asked again, never in clear.
            self.courier.plain_only = not required
            told = _plain(relay, error) if isinstance(error, ssl.SSLError) else HUNG_UP
            raise CannotEncrypt(told) from None
        self.encrypted = True
        # What was learned in clear is forgotten (RFC 3207 4.2).
        self.reader = ReplyReader()
        await self._hello()

    async def _shake_hands(self, loop: asyncio.AbstractEventLoop) -> asyncio.Transport:
        """The encrypted transport. Raises TimeoutError, SSLError or ConnectionError."""
        limit = self.relay.timeouts.command
        async with asyncio.timeout(limit):
            transport = await loop.start_tls(
                self.transport, self, self.relay.ssl_context(), server_hostname=self.relay.host,
                # The loop's own limit would end as a ConnectionError; ours comes first.
                ssl_handshake_timeout=limit + 60,
            )  # fmt: skip
        if transport is None:
            raise ConnectionResetError
        return transport

    async def _ask_for_tls(self) -> CannotConnect | None:
        """Why there is none; None when the handshake can begin."""
        if "STARTTLS" not in self.extensions:
            return CannotConnect(
                "The mail server offers no encryption here, and without it nothing is sent. "
                "Encryption from the start is usual on port 465, STARTTLS on port 587."
            )
        if self.courier.plain_only:
            return CannotConnect("Encryption failed before.")
        reply = await self._ask("STARTTLS")
        if reply.code != 220:
            return CannotConnect("The mail server refused encryption.", reply)
        # What arrived in clear behind the 220 was injected by somebody in between.
        if self._is_ahead:
            raise CannotConnect("Something came between us and the mail server. Nothing was sent.")
        return None

    async def _sign_in(self) -> None:
        relay = self.relay
        if not relay.username:
            return
        if relay.tls == "opportunistic" and not self.encrypted:
            raise CannotConnect("The connection is not encrypted, so the password was not sent.")
        methods = self.extensions.get("AUTH", "").upper().split()
        if "PLAIN" in methods:
            secret = _b64(f"\0{relay.username}\0{relay.password}")
            reply = await self._ask(f"AUTH PLAIN {secret}")
        elif "LOGIN" in methods:
            reply = await self._ask("AUTH LOGIN")
            for secret in (relay.username, relay.password):
                if reply.code == 334:
                    reply = await self._ask(_b64(secret))
        else:
            raise CannotConnect(
                "The mail server does not let anybody sign in here. Try port 587 or 465, another "
                "encryption, or no user name."
            )
        if reply.code != 235:
            raise CannotConnect("The mail server did not accept user name and password.", reply)

    async def _ask(self, line: str) -> Reply:
        self.transport.write(line.encode() + b"\r\n")
        return await self._answer(self.relay.timeouts.command)

    @property
    def _is_ahead(self) -> bool:
        """Whether the server has said more than it was asked."""
        return self.early is not None or not self.reader.is_empty

    async def _answer(self, seconds: float) -> Reply:
        if self.early is not None:
            early, self.early = self.early, None
            if isinstance(early, NotAReply):
                raise early
            return early
        if self.closed:
            raise CannotConnect("The mail server hung up.")
        self.waiter = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(seconds):
                return await self.waiter
        finally:
            self.waiter = None

    def _set_up_reply(self, reply: Reply) -> None:
        if self.waiter and not self.waiter.done():
            self.waiter.set_result(reply)
        else:
            self.early = reply

    # What asyncio tells us.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of asyncio.Protocol."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Part of asyncio.Protocol."""
        try:
            for reply in self.reader.feed(data):
                if self.ready:
                    self._take(reply)
                else:
                    self._set_up_reply(reply)
        except NotAReply as error:
            if self.ready:
                self.drop(str(error))
            elif self.waiter and not self.waiter.done():
                self.waiter.set_exception(error)
            else:
                self.early = error
        except MemoryError:
            # An answer is lost, and whoever waits for it would wait for minutes.
            self.drop("There is too little memory here.", blame=False)

    def connection_lost(self, exc: Exception | None) -> None:
        """Part of asyncio.Protocol."""
        self.closed = self.lost = True
        if self.waiter and not self.waiter.done():
            self.waiter.set_exception(CannotConnect("The mail server hung up."))
        if self.ready:
            self.drop("The mail server hung up.")

    def pause_writing(self) -> None:
        """Part of asyncio.Protocol: not everything has left yet."""
        self.paused = True

    def resume_writing(self) -> None:
        """Part of asyncio.Protocol: all that was written has left."""
        self.paused = False
        if self.body_is_out and self.next is not None:
            self.courier.content_is_due(self)

    # Sending: each reply decides what is written next.

    @property
    def is_idle(self) -> bool:
        """Whether it waits for work."""
        return self.ready and not self.closed and self.next is None and not self.expected

    def begin(self, mail: Mail) -> None:
        """Announce a mail while nothing else is going on."""
        self.next = mail
        self.since = self.courier.time()
        self.transport.write(self._announcement(mail))

    def _announcement(self, mail: Mail) -> bytes:
        """The commands of a mail; all of them where the server takes them in one go."""
        self.problem = None
        start = b""
        if self.open_transaction:
            start = b"RSET\r\n"
            self.expected.append(RSET)
            self.open_transaction = False
        self.expected.append(MAIL)
        if "PIPELINING" not in self.extensions:
            return start + self._mail_line(mail)
        self.expected.extend((RCPT, DATA))
        return start + self._mail_line(mail) + b"RCPT TO:<" + mail.rcpt_wire + b">\r\nDATA\r\n"

    def _mail_line(self, mail: Mail) -> bytes:
        options = b""
        if "SIZE" in self.extensions:
            options = b" SIZE=%d" % len(mail.content)
        if not mail.ascii:
            options += b" BODY=8BITMIME"
        if mail.international:
            options += b" SMTPUTF8"
        return b"MAIL FROM:<" + mail.envelope_from.encode() + b">" + options + b"\r\n"

    def objection(self, mail: Mail) -> tuple[str, str] | None:
        """Why this server cannot take this mail at all: (phase, reason)."""
        limit = self.extensions.get("SIZE", "")
        if limit.isdigit() and 0 < int(limit) < len(mail.content):
            return "size", (
                f"The mail has {len(mail.content):,} bytes; the mail server takes {int(limit):,} "
                "at most."
            )
        if mail.international and "SMTPUTF8" not in self.extensions:
            return "smtputf8", (
                "The mail server cannot send to addresses with letters beyond a to z before the "
                "@ (it does not offer SMTPUTF8)."
            )
        if not mail.ascii and "8BITMIME" not in self.extensions:
            return "8bit", "The mail server takes no 8-bit content (it does not offer 8BITMIME)."
        if not (is_path(mail.rcpt) and is_path(mail.envelope_from)):
            return "address", "The address has characters that no envelope may have."
        return None

    def write_content(self) -> None:
        """Send the content of the announced mail, and announce the one after it."""
        mail = self.next
        if mail is None or self.closed:
            return
        # First of all: should there be no room for it, nothing has happened yet.
        content = b".\r\n" if self.body_is_out else mail.content + b".\r\n"
        self.body_is_out = False
        self.current, self.next = mail, None
        self.expected.append(DOT)
        self.since = self.courier.time()
        self.mails += 1
        following = self._following()
        if following is None:
            self.transport.write(content)
            return
        self.next = following
        self.transport.write(content + self._announcement(following))

    def _following(self) -> Mail | None:
        if "PIPELINING" not in self.extensions or self.last_s > SLOW_S or self.is_worn:
            return None
        return self.courier.take(self)

    @property
    def is_worn(self) -> bool:
        """Whether this connection has carried as many mails as it should."""
        return self.mails >= self.relay.mails_per_connection

    def _take(self, reply: Reply) -> None:
        if self.closed:
            return
        if not self.expected:
            self.drop(f"The mail server ended the connection: {reply.code} {reply.text}")
            return
        now = self.courier.time()
        phase = self.expected.popleft()
        spent, self.since = now - self.since, now
        if phase == DOT:
            self.last_s = spent
            self._dot_answered(reply)
        elif reply.code == 421:
            self._interrupted(phase, reply)
            return
        elif phase == MAIL:
            self._mail_answered(reply)
        elif phase == RCPT:
            self._rcpt_answered(reply)
        elif phase == DATA:
            self._data_answered(reply)
        elif phase == EMPTY_DOT:
            self._go_on()
        if reply.code == 421:
            self.drop(f"The mail server ended the connection: {reply.text}", blame=False)

    def _dot_answered(self, reply: Reply) -> None:
        mail, self.current = self.current, None
        if mail is None:
            return
        if reply.code // 100 == 3:
            self.courier.uncertain(self, mail, f"The server answered {reply.code} {reply.text}")
            self.drop("The mail server lost its place.")
            return
        self.courier.answered(self, mail, DOT, reply)
        if self.next is None:
            self._go_on()

    def _mail_answered(self, reply: Reply) -> None:
        if reply.code // 100 == 2:
            self.open_transaction = True
            if "PIPELINING" not in self.extensions and self.next:
                self.expected.append(RCPT)
                self.transport.write(b"RCPT TO:<" + self.next.rcpt_wire + b">\r\n")
            return
        self.problem = (MAIL, reply)
        if "PIPELINING" not in self.extensions:
            self._refused()

    def _rcpt_answered(self, reply: Reply) -> None:
        if reply.code // 100 != 2:
            self.problem = self.problem or (RCPT, reply)
        if "PIPELINING" in self.extensions:
            return
        if self.problem:
            self._refused()
        else:
            self.expected.append(DATA)
            self.transport.write(b"DATA\r\n")

    def _data_answered(self, reply: Reply) -> None:
        if reply.code == 354 and self.problem:
            # Everybody was refused and yet it wants content: an empty one (RFC 2920 3.1).
            self.open_transaction = False
            self.expected.append(EMPTY_DOT)
            self.transport.write(b".\r\n")
            self._report_problem()
            return
        if reply.code != 354:
            self.problem = self.problem or (DATA, reply)
            self._refused()
            return
        self.open_transaction = False
        mail = self.next
        if mail and len(mail.content) > BIG:
            self.body_is_out = True
            self.transport.write(mail.content)
            if self.paused:
                return
        self.courier.content_is_due(self)

    def _refused(self) -> None:
        self._report_problem()
        self._go_on()

    def _report_problem(self) -> None:
        mail, self.next = self.next, None
        if mail and self.problem:
            self.courier.answered(self, mail, *self.problem)
        self.problem = None

    def _interrupted(self, phase: str, reply: Reply) -> None:
        """421: the server closes; the mail it was about is tried on another connection."""
        mail, self.next = self.next, None
        if mail:
            self.courier.again(self, mail, phase, reply, blame=self.mails == 0 or phase != MAIL)
        self.drop(f"The mail server ended the connection: {reply.text}", blame=False)

    def _go_on(self) -> None:
        if self.expected or self.next or self.closed:
            return
        if self.is_worn:
            self.quit()
            return
        mail = self.courier.take(self)
        if mail:
            self.begin(mail)
        else:
            self.courier.is_idle(self)

    # Ending.

    def check_time(self, now: float) -> None:
        """Drop the connection when an answer is overdue."""
        if not self.ready or self.closed or not self.expected:
            return
        limits = self.relay.timeouts
        limit = {DOT: limits.dot, EMPTY_DOT: limits.dot, DATA: limits.data}.get(
            self.expected[0], limits.command
        )
        if now - self.since > limit:
            self.drop(f"The mail server did not answer within {limit:.0f} seconds.", late=True)

    def drop(self, words: str, *, blame: bool = True, late: bool = False) -> None:
        """Give the connection up; each mail it carried goes where it belongs."""
        if not self.ready:
            self.abort()
            return
        self.ready = False
        behind_a_dot = self.current is not None
        if self.current:
            self.courier.uncertain(self, self.current, words)
        if self.next:
            phase = self.expected[0] if self.expected else DATA
            guilty = blame and not behind_a_dot and bool(self.expected or self.body_is_out)
            if guilty and late:
                self.courier.late(self, self.next, phase, words)
            else:
                self.courier.again(self, self.next, phase, Reply(0, words), blame=guilty)
        self.current = self.next = None
        self.expected.clear()
        self.abort()
        self.courier.is_gone(self)

    def quit(self) -> None:
        """Say goodbye; the answer interests nobody."""
        if self.closed:
            return
        self.ready = False
        self.transport.write(b"QUIT\r\n")
        self.closed = True
        self.transport.close()
        self.courier.is_gone(self)

    def abort(self) -> None:
        """Cut the line."""
        self.closed = True
        self.ready = False
        if self.transport is not None:
            self.transport.abort()


def _extensions(lines: list[bytes]) -> dict[str, str]:
    """What EHLO offers: {"SIZE": "1000", "PIPELINING": ""}."""
    offers = {}
    for line in lines[1:]:
        name, _, rest = line.decode("ascii", "replace").strip().partition(" ")
        # AUTH=PLAIN is how some old servers write it.
        name, _, old = name.partition("=")
        if name:
            offers[name.upper()] = (old + " " + rest).strip()
    return offers


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _silent(relay: RelaySettings) -> str:
    words = f"{relay.host}:{relay.port} does not answer. Check the port, usually 587 or 465"
    if relay.tls == "implicit":
        return f"{words}; a server without encryption from the start is silent like this."
    return f"{words}; one that expects encryption from the start (465) is silent like this."


def _plain(relay: RelaySettings, error: Exception) -> str:
    where = f"{relay.host}:{relay.port}"
    words = (error.strerror if isinstance(error, OSError) else None) or str(error)
    if isinstance(error, socket.gaierror):
        if error.errno == socket.EAI_AGAIN:
            return f"Nobody could say where {relay.host} is: DNS gave no answer."
        return f"There is no server named {relay.host}. Check the name for a typing mistake."
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate of {where} is not valid: {error.verify_message}."
    if isinstance(error, ssl.SSLError):
        reason = error.reason or error
        if relay.tls == "implicit" and reason in NO_TLS:
            return (
                f"{where} does not speak encrypted from the start. Choose STARTTLS, or the port "
                f"for it, usually 465. ({reason})"
            )
        return f"Encryption with {where} failed: {reason}."
    if isinstance(error, ConnectionRefusedError):
        return f"Nobody answers at {where}. Check the port, usually 587 or 465."
    return f"{where} cannot be reached: {words}."
