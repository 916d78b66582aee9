"""Reaching a server that somebody else named, without becoming a way into our own network.

The name is resolved, every address must be public, and the connection goes to exactly the one
that was judged. Only https on its usual port; nothing follows a redirect; time and size are
limited as a whole, however slowly the bytes come.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
from urllib.parse import urlsplit

TIMEOUT_S = 5.0
LARGEST = 1_000_000
PORT = 443

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class CannotFetch(Exception):
    """Nothing was got; the message says why."""


class _Guard:
    """Cuts the line when the time is over, for bytes that trickle never run into a timeout."""

    def __init__(self, connection: socket.socket, timeout_s: float) -> None:
        self.connection = connection
        self.is_late = False
        self._timer = threading.Timer(timeout_s, self._cut)

    def __enter__(self) -> _Guard:
        self._timer.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._timer.cancel()
        self.connection.close()

    def _cut(self) -> None:
        self.is_late = True
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.connection, socket.SHUT_RDWR)


def get(url: str, *, timeout_s: float = TIMEOUT_S, largest: int = LARGEST) -> bytes:
    """The body at an https address. Raises CannotFetch, also for any status but 200."""
    host, target = _parts(url)
    try:
        with _Guard(connect(host, timeout_s), timeout_s) as guard:
            body = _ask(guard, host, target, largest)
    except ssl.SSLError as error:
        raise CannotFetch(f"{host} has no good certificate: {error.reason}.") from None
    except (OSError, http.client.HTTPException) as error:
        raise CannotFetch(f"{host} does not answer: {type(error).__name__}.") from None
    if guard.is_late:
        raise CannotFetch(f"{host} is too slow.")
    return body


def connect(host: str, timeout_s: float) -> socket.socket:
    """A connection to a public address of `host`. Raises CannotFetch, OSError."""
    try:
        found = socket.getaddrinfo(host, PORT, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        raise CannotFetch(f"There is no server named {host}.") from None
    addresses = [str(entry[4][0]) for entry in found]
    if not all(map(is_public, addresses)):
        raise CannotFetch(f"{host} is not a public server.")
    return socket.create_connection((addresses[0], PORT), timeout_s)


def is_public(address: str) -> bool:
    """Whether an IP address is of the public internet, also where it stands for another."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    inner = _inside(parsed)
    return parsed.is_global and not parsed.is_multicast and (inner is None or inner.is_global)


def _parts(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise CannotFetch("That is no address.") from None
    if parts.scheme != "https" or not parts.hostname or port not in (None, PORT):
        raise CannotFetch("Only https addresses on the usual port are fetched.")
    if parts.username is not None or not url.isascii() or any(c <= " " for c in url):
        raise CannotFetch("That is no address.")
    return parts.hostname, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _ask(guard: _Guard, host: str, target: str, largest: int) -> bytes:
    secure = ssl.create_default_context().wrap_socket(
        guard.connection, server_hostname=host, do_handshake_on_connect=False
    )
    guard.connection = secure
    secure.do_handshake()
    secure.sendall(
        f"GET {target} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: identity\r\n"
        "Connection: close\r\n\r\n".encode("ascii")
    )
    answer = http.client.HTTPResponse(secure)
    answer.begin()
    if answer.status != http.client.OK:
        raise CannotFetch(f"{host} answered {answer.status}.")
    body = answer.read(largest + 1)
    if len(body) > largest:
        raise CannotFetch(f"{host} sent too much.")
    if answer.length:
        raise CannotFetch(f"{host} broke off.")
    return body


def _inside(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for: mapped, 6to4, Teredo or NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    teredo = address.teredo
    if address in ipaddress.ip_network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)
