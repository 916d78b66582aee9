"""Where mail goes out: an SMTP server, how to reach it, and how patient to be with it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

TLS_MODES = ("none", "opportunistic", "starttls", "implicit")


class BadRelay(ValueError):
    """A relay address that cannot work; the message says what to change."""


@dataclass(frozen=True)
class Timeouts:
    """Seconds to wait for each answer (RFC 5321 4.5.3.2). Each is a wall limit for the whole
    reply, so that a server that dribbles does not hold a connection for ever."""

    connect: float = 60
    greeting: float = 300
    command: float = 300
    data: float = 120
    dot: float = 600

    def cut(self, longest: float) -> Timeouts:
        """The same, but none longer than `longest`."""
        names = ("connect", "greeting", "command", "data", "dot")
        return Timeouts(**{name: min(getattr(self, name), longest) for name in names})


@dataclass(frozen=True)
class RelaySettings:
    """One SMTP server."""

    host: str
    port: int = 25
    tls: str = "opportunistic"
    """none; opportunistic (encrypted where offered); starttls and implicit: encrypted to a
    server with a valid certificate, or not at all."""
    username: str = ""
    password: str = field(default="", repr=False)
    max_connections: int = 10
    mails_per_connection: int = 1000
    timeouts: Timeouts = Timeouts()
    pinned: str = ""
    """The address to connect to, where the name was resolved and judged before."""
    own: int = 0
    """The number of an account's own relay: what one account does to it touches no other."""
    per_second: int | None = None
    """Most mails a second, an hour, a day; None where there is no limit."""
    per_hour: int | None = None
    per_day: int | None = None

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Read smtp://user:password@host:587?tls=starttls. Raises BadRelay."""
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise BadRelay("Write the mail server as smtp://user:password@host:587?tls=starttls")
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        try:
            given, connections = parts.port, int(options.get("connections") or 10)
            patience_s = float(options.get("timeout") or Timeouts.dot)
        except ValueError:
            raise BadRelay("Port, connections and timeout must be numbers.") from None
        tls = options.get("tls") or _usual_tls(parts.scheme, given, parts.password)
        if tls not in TLS_MODES:
            raise BadRelay(f"tls is {tls!r}; it must be one of {', '.join(TLS_MODES)}.")
        port = given or {"implicit": 465, "starttls": 587}.get(tls, 25)
        return cls(
            host=parts.hostname,
            port=port,
            tls=tls,
            username=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            max_connections=max(1, min(connections, 100)),
            timeouts=Timeouts().cut(max(0.1, patience_s)),
        )

    @property
    def key(self) -> str:
        """What tells one relay from another, without its password."""
        own = f"#{self.own}" if self.own else ""
        return f"{self.username}@{self.host}:{self.port}{own}"

    @property
    def is_limited(self) -> bool:
        """Whether there is any limit."""
        return bool(self.per_second or self.per_hour or self.per_day)

    def ssl_context(self) -> ssl.SSLContext:
        """Certificates are checked unless encryption is only a bonus."""
        context = ssl.create_default_context()
        if self.tls == "opportunistic":
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def _usual_tls(scheme: str, port: int | None, password: str | None) -> str:
    if scheme == "smtps" or port == 465:
        return "implicit"
    return "starttls" if password else "opportunistic"
