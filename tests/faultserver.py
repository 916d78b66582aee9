"""A mail server that misbehaves on request: the peer of fault tests.

What happens to a recipient is chosen by the beginning of the local part:

ok        (or anything else) accepted
grey.     451 greylisted with "try again in N seconds" (`grey_s`), accepted later
r5.       550 5.1.1 at RCPT        p5.   550 5.7.1 at RCPT (policy, never the reader's fault)
r4.       450 4.2.1 at RCPT        full. 552 5.2.2 at RCPT
d4.       451 after the content    d5.   554 5.7.1 after the content
cut0.     hangs up at RCPT         cutd. hangs up at DATA     cut1. hangs up inside the content
amb.      accepts, hangs up before it says so
ambrej.   refuses, hangs up before it says so
late.     the 250 comes after `late_s` seconds
slow.     each reply dribbles, one byte every `slow_s` seconds
rate.     450 4.2.1 "receiving mail at a rate", accepted at the second try
multi.    replies of several lines, sent one byte at a time
junk.     answers RCPT with bytes that are no reply
junkdot.  answers the final dot with bytes that are no reply
421r.     421 at RCPT and closes   421d. 421 after the dot and closes

One JSON line for each accepted mail is appended to `log`:
{"rcpt", "from", "at", "data_at", "conn", "n", "bytes", "tls", "longest", "bare"}; with `keep`, the
messages themselves are in `messages`. It is also a program, with --port and --log.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import re
import ssl
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.servers import free_port

_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")


class HangUp(Exception):
    """The connection ends here."""


@dataclass
class Faults:
    """How the server is set up."""

    log: Path | None = None
    keep: bool = False
    pipelining: bool = True
    esmtp: bool = True
    size: int = 0
    smtputf8: bool = True
    eightbit: bool = True
    tls: ssl.SSLContext | None = None
    starttls_code: int = 220
    inject: bytes = b""
    """Sent in clear right behind the 220 of STARTTLS."""
    cut_handshake: bool = False
    """Hangs up where the TLS handshake should begin."""
    stall_handshakes: int = 0
    """So many TLS handshakes get no answer at all."""
    offer_starttls: bool = True
    auth: str = ""
    """user:password; empty: none offered."""
    greeting: bytes = b"220 fault.example ESMTP\r\n"
    late_s: float = 20.0
    slow_s: float = 0.05
    grey_s: int = 300
    max_mails: int = 0
    """421 after so many mails on a connection."""
    max_connections: int = 0
    rates: dict[str, float] = field(default_factory=dict)
    """Mails a second that are taken for a domain, two seconds' worth at once; others get a 450."""
    refuse: bool = False
    """Answers every connection with 421."""
    choppy: int = 0
    """Answers come in pieces of random size, now and then one byte at a time and now and then
    several together; the number seeds the chance."""
    only_in_clear: tuple[str, ...] = ()
    """Offered before STARTTLS and not any more after it."""
    only_encrypted: tuple[str, ...] = ()


@dataclass
class FaultServer:
    """The server, in a thread of its own: `with FaultServer(Faults(...)) as server`."""

    faults: Faults = field(default_factory=Faults)
    port: int = field(default_factory=free_port)
    accepted: list[dict[str, object]] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    open_now: int = 0
    seen: dict[str, int] = field(default_factory=dict)
    quick: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Domain: (when it was asked last, mails it may get)."""
    too_quick: int = 0
    """Refusals because of `rates`."""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}?tls=none"

    def hang_up(self) -> None:
        """Cut every connection that is open now."""
        self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in list(self._tasks)])

    async def start(self) -> None:
        self._file = self.faults.log.open("ab", buffering=0) if self.faults.log else None
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(
            self._connected, "127.0.0.1", self.port, limit=2**22
        )

    async def stop(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._file:
            self._file.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self.connections += 1
        self.open_now += 1
        try:
            await Conversation(self, reader, writer, self.connections).run()
        except (HangUp, asyncio.CancelledError, asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self.open_now -= 1
            self._tasks.discard(task)
            with contextlib.suppress(Exception):
                writer.transport.abort()

    def accept(self, entry: dict[str, object], message: bytes) -> None:
        self.accepted.append(entry)
        if self.faults.keep:
            self.messages.append(message)
        if self._file:
            self._file.write(json.dumps(entry).encode() + b"\n")

    def is_too_quick(self, domain: str) -> bool:
        """Whether a mail for the domain comes sooner than `rates` allows."""
        rate = self.faults.rates.get(domain)
        if rate is None:
            return False
        before, left = self.quick.get(domain, (time.monotonic(), 2 * rate))
        left = min(2 * rate, left + (time.monotonic() - before) * rate)
        late = left < 1
        self.quick[domain] = (time.monotonic(), left - (not late))
        self.too_quick += late
        return late

    def recipients(self) -> list[str]:
        """Everybody who was accepted, in order."""
        return [str(entry["rcpt"]) for entry in self.accepted]


class Chopper:
    """What is written to it leaves a little later, cut and joined by chance."""

    def __init__(self, writer: asyncio.StreamWriter, seed: int) -> None:
        self._writer = writer
        self._chance = random.Random(seed)  # noqa: S311
        self._waiting = b""
        self._task: asyncio.Task[None] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)

    def write(self, data: bytes) -> None:
        self._waiting += data
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._leave())

    async def drain(self) -> None:
        if self._task:
            await self._task
        await self._writer.drain()

    async def _leave(self) -> None:
        # The longer it waits, the more answers leave as one.
        await asyncio.sleep(self._chance.choice((0, 0, 0.001)))
        byte_by_byte = self._chance.random() < 0.1
        while self._waiting:
            size = 1 if byte_by_byte else self._chance.randint(1, 60)
            piece, self._waiting = self._waiting[:size], self._waiting[size:]
            self._writer.write(piece)
            await asyncio.sleep(0)


class Conversation:
    """One connection."""

    def __init__(
        self,
        server: FaultServer,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        number: int,
    ) -> None:
        self.server, self.reader, self.number = server, reader, number
        self.faults = server.faults
        self.writer = writer
        if self.faults.choppy:
            self.writer = Chopper(writer, self.faults.choppy + number)  # type: ignore[assignment]
        self.sender = ""
        self.rcpt: list[str] = []
        self.mails = 0
        self.secure = False
        self.signed_in = not self.faults.auth

    async def run(self) -> None:
        crowded = self.faults.max_connections and self.server.open_now > self.faults.max_connections
        if self.faults.refuse or crowded:
            await self.say("421 4.3.2 too many connections, come back later")
            raise HangUp
        self.writer.write(self.faults.greeting)
        while True:
            line = await self.reader.readuntil(b"\n")
            await self.obey(line.rstrip(b"\r\n").decode("utf-8", "replace"))

    async def obey(self, line: str) -> None:
        verb = line.split(" ")[0].split(":")[0].upper()
        self.server.commands.append(verb)
        handler = getattr(self, f"on_{verb.lower()}", None)
        if handler is None:
            await self.say("500 5.5.1 what?")
        else:
            await handler(line)

    async def say(self, text: str) -> None:
        kind = self.rcpt[-1] if self.rcpt else ""
        data = text.encode() + b"\r\n"
        if kind.startswith("multi."):
            code, words = text[:3], text[4:]
            data = f"{code}-{words}\r\n{code}-and more\r\n{code} {words}\r\n".encode()
        if kind.startswith(("multi.", "slow.")):
            for byte in data:
                self.writer.write(bytes([byte]))
                await self.writer.drain()
                await asyncio.sleep(self.faults.slow_s if kind.startswith("slow.") else 0)
            return
        self.writer.write(data)

    async def on_ehlo(self, line: str) -> None:
        faults = self.faults
        if not faults.esmtp:
            await self.say("502 5.5.1 what?")
            return
        offers = ["fault.example"]
        offers += ["PIPELINING"] if faults.pipelining else []
        offers += [f"SIZE {faults.size}"] if faults.size else []
        offers += ["SMTPUTF8"] if faults.smtputf8 else []
        offers += ["8BITMIME"] if faults.eightbit else []
        offers += ["STARTTLS"] if faults.tls and faults.offer_starttls and not self.secure else []
        offers += ["AUTH PLAIN LOGIN"] if faults.auth else []
        offers += faults.only_encrypted if self.secure else faults.only_in_clear
        offers += ["ENHANCEDSTATUSCODES"]
        text = "".join(f"250-{offer}\r\n" for offer in offers[:-1]) + f"250 {offers[-1]}\r\n"
        self.writer.write(text.encode())

    async def on_helo(self, line: str) -> None:
        await self.say("250 fault.example")

    async def on_starttls(self, line: str) -> None:
        if self.faults.starttls_code != 220 or not self.faults.tls:
            await self.say(f"{self.faults.starttls_code} 4.7.0 no TLS now")
            return
        self.writer.write(b"220 go ahead\r\n" + self.faults.inject)
        await self.writer.drain()
        if self.faults.cut_handshake:
            raise HangUp
        if self.faults.stall_handshakes:
            self.faults.stall_handshakes -= 1
            await asyncio.Event().wait()
        await self.writer.start_tls(self.faults.tls)
        self.secure = True

    async def on_auth(self, line: str) -> None:
        import base64

        _, method, *rest = line.split(" ")
        if method == "PLAIN":
            given = base64.b64decode(rest[0]).decode().split("\0")[1:]
        else:
            given = []
            for prompt in ("VXNlcm5hbWU6", "UGFzc3dvcmQ6"):
                await self.say(f"334 {prompt}")
                given.append(base64.b64decode(await self.reader.readuntil(b"\n")).decode())
        self.signed_in = ":".join(given) == self.faults.auth
        await self.say("235 2.7.0 welcome" if self.signed_in else "535 5.7.8 wrong password")

    async def on_mail(self, line: str) -> None:
        if self.faults.max_mails and self.mails >= self.faults.max_mails:
            await self.say("421 4.7.0 enough for this connection")
            raise HangUp
        if not self.signed_in:
            await self.say("530 5.7.0 sign in first")
            return
        self.rcpt = []
        self.sender = line.partition("<")[2].partition(">")[0]
        await self.say("250 2.1.0 ok")

    async def on_rset(self, line: str) -> None:
        self.rcpt = []
        self.sender = ""
        await self.say("250 2.0.0 ok")

    async def on_noop(self, line: str) -> None:
        await self.say("250 2.0.0 ok")

    async def on_quit(self, line: str) -> None:
        await self.say("221 2.0.0 bye")
        await self.writer.drain()
        raise HangUp

    async def on_rcpt(self, line: str) -> None:
        rcpt = line.partition("<")[2].partition(">")[0]
        kind = rcpt.split(".")[0]
        times = self.server.seen[rcpt] = self.server.seen.get(rcpt, 0) + 1
        refusals = {
            "r5": "550 5.1.1 No such user here",
            "p5": "550 5.7.1 Message blocked by policy",
            "r4": "450 4.2.1 Mailbox busy, try again later",
            "full": "552 5.2.2 Mailbox full",
        }
        if kind == "grey" and times == 1:
            await self.say(f"451 4.7.1 Greylisted, try again in {self.faults.grey_s} seconds")
        elif self.server.is_too_quick(rcpt.rpartition("@")[2]):
            await self.say("450 4.2.1 You are sending mail at a rate that exceeds our limit")
        elif kind == "rate" and times == 1:
            await self.say("450 4.2.1 The user is receiving mail at a rate that is too high")
        elif kind in refusals:
            await self.say(refusals[kind])
        elif kind == "junk":
            self.writer.write(b"\x16\x03 this is no reply\r\n")
        elif kind == "421r":
            await self.say("421 4.3.2 closing")
            await self.writer.drain()
            raise HangUp
        elif kind == "cut0":
            raise HangUp
        else:
            self.rcpt.append(rcpt)
            await self.say("250 2.1.5 ok")

    async def on_data(self, line: str) -> None:
        if not self.rcpt:
            await self.say("554 5.5.1 no valid recipients")
            return
        kind = self.rcpt[-1].split(".")[0]
        if kind == "cutd":
            raise HangUp
        started = time.time()
        await self.say("354 go ahead")
        if kind == "cut1":
            await self.reader.readexactly(20)
            raise HangUp
        message = await self._content()
        await self._answer(kind, message, started)
        self.rcpt = []

    async def _content(self) -> bytes:
        data = b""
        while data != b".\r\n" and not data.endswith(b"\r\n.\r\n"):
            data += await self.reader.readuntil(b".\r\n")
        return data[:-3]

    async def _answer(self, kind: str, message: bytes, started: float) -> None:
        refusals = {
            "d4": "451 4.3.0 not now", "d5": "554 5.7.1 looks like spam", "ambrej": "hang up",
        }  # fmt: skip
        if kind not in refusals:
            self._accept(message, started)
        if kind == "421d":
            self.server.accepted.pop()
            await self.say("421 4.3.2 closing, not taken")
            await self.writer.drain()
            raise HangUp
        if kind in ("amb", "ambrej"):
            raise HangUp
        if kind == "junkdot":
            self.writer.write(b"hello, this is no reply\r\n")
            await self.writer.drain()
            return
        if kind == "late":
            await asyncio.sleep(self.faults.late_s)
        await self.say(refusals.get(kind, "250 2.0.0 queued"))

    def _accept(self, message: bytes, started: float) -> None:
        self.mails += 1
        for rcpt in self.rcpt:
            entry: dict[str, object] = {
                "rcpt": rcpt, "from": self.sender, "at": time.time(), "data_at": started,
                "conn": self.number, "n": self.mails, "bytes": len(message), "tls": self.secure,
                "longest": max(map(len, message.split(b"\r\n"))),
                "bare": len(_BARE.findall(message)),
            }  # fmt: skip
            self.server.accept(entry, message)


def main() -> None:
    """Run until ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", type=Path, required=True)
    options = parser.parse_args()
    server = FaultServer(Faults(log=options.log), options.port)

    async def serve() -> None:
        await server.start()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
