"""Questions to DNS, with a limit to how long somebody waits for all of them together."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dns.resolver

#: find(name, type) → what stands there, as text; nothing where there is none. Raises Away.
Find = Callable[[str, str], list[str]]


class Away(Exception):
    """DNS gave no answer. That says nothing about the domain."""


class Resolver:
    """The name servers of this machine, or others; asks each question once."""

    def __init__(
        self,
        servers: Sequence[tuple[str, int]] = (),
        *,
        each_s: float = 2.5,
        all_s: float = 9.0,
    ) -> None:
        """`servers` are (address, port); `all_s` bounds everything that is asked of this one."""
        self.each_s = each_s
        self.end = time.monotonic() + all_s
        self._known: dict[tuple[str, str], list[str] | None] = {}
        self._resolver = _made(servers)

    def __call__(self, name: str, kind: str) -> list[str]:
        """Raises Away."""
        key = (name.rstrip(".").lower(), kind)
        if key not in self._known:
            self._known[key] = self._ask(*key)
        found = self._known[key]
        if found is None:
            raise Away
        return found

    def _ask(self, name: str, kind: str) -> list[str] | None:
        left = min(self.each_s, self.end - time.monotonic())
        if left <= 0 or self._resolver is None:
            return None
        import dns.exception
        import dns.resolver

        try:
            answer = self._resolver.resolve(
                name + ".", kind, lifetime=left, search=False, raise_on_no_answer=False
            )
        except (dns.resolver.NXDOMAIN, dns.resolver.YXDOMAIN):
            return []
        except (dns.exception.SyntaxError, dns.exception.FormError, UnicodeError):
            return []
        except dns.exception.DNSException as error:
            # A name that cannot exist is no outage.
            return [] if "name" in type(error).__module__ else None
        except OSError:
            return None
        return [_text(kind, row) for row in answer.rrset or ()]


def nowhere(name: str, kind: str) -> list[str]:
    """Answers nothing: for showing what is to be done before anybody has asked."""
    raise Away


def _made(servers: Sequence[tuple[str, int]]) -> dns.resolver.Resolver | None:
    # Here and not above: only few processes ever ask, and each would have 3 MB of it.
    import dns.exception
    import dns.nameserver
    import dns.resolver

    try:
        resolver = dns.resolver.Resolver(configure=not servers)
    except (dns.exception.DNSException, OSError):
        return None
    if servers:
        resolver.nameservers = [dns.nameserver.Do53Nameserver(*server) for server in servers]
    resolver.timeout = 1.2
    # Large answers (RSA keys) come in one piece from servers that can do so.
    resolver.use_edns(0, 0, 1232)
    return resolver


def _text(kind: str, row: object) -> str:
    if kind == "TXT":
        parts: tuple[bytes, ...] = row.strings  # type: ignore[attr-defined]
        return b"".join(parts).decode("utf-8", "replace")
    return str(row).removesuffix(".").lower()
