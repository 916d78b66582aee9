"""The door for mail: bounces and unsubscribe mails always, everything else while CATCHER is on.

`b+…`, `u+…` and complaints to `abuse` or `fbl` at MAIL_DOMAIN go to `inbound/`, letters to the
operator's address to `desk/`, on disk before they are acknowledged; the rest lies in `mail/`, for
the page /mail, the oldest removed when there are too many. Letters to the operator lie there too.

To try bounces without the internet: `bounce+hard@…` is refused for good, `bounce+soft@…` for now.
"""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from app.config import Config, load
from app.core import spool

KEEP = 20_000
COMPLAINTS = ("abuse", "fbl")
LARGEST = 32 * 1024 * 1024
SIMULATED = {
    "bounce+hard": "550 5.1.1 There is no such person (simulated)",
    "bounce+soft": "451 4.2.2 The mailbox is full, try later (simulated)",
}


class Door:
    """Answers of the SMTP server."""

    def __init__(self, config: Config) -> None:
        self.domain = config.MAIL_DOMAIN.lower()
        self.catches = config.CATCHER
        self.inbound: Path = config.LEADERSEND_HOME / "inbound"
        self.caught: Path = config.LEADERSEND_HOME / "mail"
        self.desk: Path = config.LEADERSEND_HOME / "desk"
        self.operator = config.OPERATOR_EMAIL.lower()
        self.kept = len(spool.names(self.caught))

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, said: list[str]
    ) -> list[str]:
        """Commands may come in one packet: the server reads them one by one anyway."""
        session.host_name = hostname
        return [*said[:-1], "250-PIPELINING", "250-ENHANCEDSTATUSCODES", said[-1]]

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Whom we take mail for."""
        if not self._is_inbound(address) and address.lower() != self.operator:
            local = address.rpartition("@")[0].lower()
            if not self.catches:
                return "550 5.7.1 This server does not relay"
            if local in SIMULATED:
                return SIMULATED[local]
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Write the mail, then acknowledge it."""
        sender = (envelope.mail_from or "").removeprefix("<").removesuffix(">")  # "<>": a bounce
        content = envelope.original_content or b""
        ours = [to for to in envelope.rcpt_tos if self._is_inbound(to)]
        others = [to for to in envelope.rcpt_tos if to not in ours]
        letters = [to for to in others if to.lower() == self.operator]
        others = others if self.catches else []
        try:
            if ours:
                await asyncio.to_thread(
                    spool.write, self.inbound, sender, ours, content, durable=True
                )
            if letters:
                await asyncio.to_thread(
                    spool.write, self.desk, sender, letters, content, durable=True
                )
            if others:
                spool.write(self.caught, sender, others, content, durable=False)
                self._forget_oldest()
        except OSError:
            return "452 4.3.1 No room to keep this mail, try later"
        return "250 2.0.0 Kept"

    def _is_inbound(self, address: str) -> bool:
        local, _, domain = address.lower().rpartition("@")
        return domain == self.domain and (local.startswith(("b+", "u+")) or local in COMPLAINTS)

    def _forget_oldest(self) -> None:
        self.kept += 1
        if self.kept <= KEEP + KEEP // 10:
            return
        # Counted anew: the page may have deleted some meanwhile.
        names = spool.names(self.caught)
        for name in names[:-KEEP]:
            (self.caught / f"{name}.eml").unlink(missing_ok=True)
        self.kept = min(len(names), KEEP)


async def serve(config: Config) -> None:
    """Until SIGTERM or SIGINT."""
    door = Door(config)
    host, _, port = config.INBOUND.rpartition(":")
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    for sig in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sig, over.set)
    server = await loop.create_server(lambda: _talk(door), host, int(port), backlog=512)
    await over.wait()
    # Those who are talking are cut off, and will come again.
    server.close()


def _talk(door: Door) -> SMTP:
    return SMTP(
        door,
        data_size_limit=LARGEST,
        enable_SMTPUTF8=True,
        ident="LeaderSend",
        hostname=door.domain,
        timeout=300,
    )


def main() -> None:
    """Run the door alone."""
    # Pages first, then mail that goes out (workers have 15); who brings bounces can wait.
    os.nice(19)
    asyncio.run(serve(load()))


if __name__ == "__main__":
    main()
