"""Reading a mailbox by IMAP (RFC 9051) or POP3 (RFC 1939): mail by mail, in bounded memory.

A mail leaves the mailbox, or is marked as seen, only after it was handed over.
"""

from __future__ import annotations

import contextlib
import imaplib
import poplib
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from app.mailer.session import NO_TLS

TIMEOUT_S = 30.0
# Mails have longer lines than the library believes, and one must not block a mailbox.
poplib._MAXLINE = 1_000_000  # type: ignore[attr-defined]
#: What is read of one mail; a bounce says what it has to say long before.
READ_BYTES = 1_000_000
#: Larger ones are not fetched whole by POP3, which cannot fetch a part; they are left alone.
LARGEST = 50_000_000


class CannotRead(Exception):
    """The mailbox cannot be read; the message says what to change."""


@dataclass(frozen=True)
class Box:
    """A mailbox and how to get in."""

    kind: str
    """imap or pop3."""
    host: str
    port: int
    tls: str
    """implicit, starttls or none."""
    username: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    keeps: bool = False
    """Mark as seen instead of deleting (IMAP only)."""
    read_bytes: int = READ_BYTES
    """How much of one mail is fetched."""
    pinned: str = ""
    """The address to connect to, where the name was resolved and judged before."""


#: Takes a mail; returns True when it may leave the mailbox.
Take = Callable[[bytes], bool]


def look(box: Box) -> int:
    """Sign in and count the mails that wait. Raises CannotRead."""
    return _read(box, lambda _data: False, 0)


def fetch(box: Box, take: Take, *, limit: int) -> int:
    """Hand over up to `limit` mails; returns how many. Raises CannotRead."""
    return _read(box, take, limit)


def _read(box: Box, take: Take, limit: int) -> int:
    where = f"{box.host}:{box.port}"
    try:
        return (_imap if box.kind == "imap" else _pop3)(box, take, limit)
    except ssl.SSLCertVerificationError as error:
        raise CannotRead(
            f"The certificate of {where} is not valid: {error.verify_message}."
        ) from None
    except ssl.SSLError as error:
        raise CannotRead(_no_tls(box, str(error.reason or error))) from None
    except (imaplib.IMAP4.error, poplib.error_proto) as error:
        raise CannotRead(_refusal(box, _words(error))) from None
    except socket.gaierror:
        words = f"There is no server named {box.host}. Check the name for a typing mistake."
        raise CannotRead(words) from None
    except TimeoutError:
        raise CannotRead(f"{where} does not answer. {_usual(box)}") from None
    except ConnectionRefusedError:
        raise CannotRead(f"Nobody answers at {where}. {_usual(box)}") from None
    except (OSError, EOFError) as error:
        raise CannotRead(f"{where} cannot be reached: {error}.") from None


def _no_tls(box: Box, reason: str) -> str:
    if box.tls == "implicit" and reason in NO_TLS:
        return f"{box.host}:{box.port} does not speak encrypted from the start. {_usual(box)}"
    return f"The encrypted connection failed: {reason}."


def _refusal(box: Box, words: str) -> str:
    # A server of another kind says something in its first line that neither of them says.
    if words.startswith(("unexpected response", "220 ")):
        name = {"imap": "IMAP", "pop3": "POP3"}[box.kind]
        return f"{box.host}:{box.port} is no {name} server. {_usual(box)} It said: {words}"
    return f"The server refused: {words}"


def _usual(box: Box) -> str:
    port = {"imap": "993 for IMAP with TLS, 143 with STARTTLS", "pop3":
            "995 for POP3 with TLS, 110 with STARTTLS"}[box.kind]  # fmt: skip
    return f"Check the port, usually {port}."


@contextlib.contextmanager
def _signing_in() -> Iterator[None]:
    try:
        yield
    except (imaplib.IMAP4.error, poplib.error_proto) as error:
        said = _words(error)
        raise CannotRead(
            f"The server did not accept user name and password. It said: {said}"
        ) from None


def _words(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    # imaplib shows some bytes as Python would.
    text = re.sub(r"\bb'(.*)'$", r"\1", text)
    return re.sub(r"\s+", " ", text)[:300] or "no reason was given."


class _Pinned:
    """Connects to the judged address, while the certificate is for the name."""

    pinned = ""

    def _create_socket(self, timeout: float | None = TIMEOUT_S) -> socket.socket:
        address = (self.pinned or self.host, self.port)  # type: ignore[attr-defined]
        plain = socket.create_connection(address, timeout)
        context = getattr(self, "ssl_context", None) or getattr(self, "context", None)
        if context is None or not getattr(self, "is_implicit", False):
            return plain
        wrapped: socket.socket = context.wrap_socket(
            plain,
            server_hostname=self.host,  # type: ignore[attr-defined]
        )
        return wrapped


class _Imap(_Pinned, imaplib.IMAP4):
    """IMAP on a judged address."""

    def __init__(self, box: Box) -> None:
        self.pinned, self.is_implicit = box.pinned, box.tls == "implicit"
        self.context = ssl.create_default_context()
        super().__init__(box.host, box.port, TIMEOUT_S)


class _Pop3(_Pinned, poplib.POP3):
    """POP3 on a judged address."""

    def __init__(self, box: Box) -> None:
        self.pinned, self.is_implicit = box.pinned, box.tls == "implicit"
        self.context = ssl.create_default_context()
        try:
            super().__init__(box.host, box.port, TIMEOUT_S)
        except Exception:
            # The library leaves the line open where the first words are not those of POP3.
            with contextlib.suppress(Exception):
                self.close()
            raise


def _imap(box: Box, take: Take, limit: int) -> int:
    server = _Imap(box)
    try:
        if box.tls == "starttls":
            server.starttls(ssl.create_default_context())
        with _signing_in():
            server.login(box.username, box.password)
        folder = '"' + box.folder.replace("\\", "\\\\").replace('"', '\\"') + '"'
        answer, _ = server.select(folder, readonly=limit == 0)
        if answer != "OK":
            raise CannotRead(f"There is no folder named {box.folder}.")
        _, found = server.uid("search", "UNSEEN", "UNDELETED")
        waiting = found[0].split() if found and found[0] else []
        if not limit:
            return len(waiting)
        done = sum(_imap_one(server, box, uid.decode(), take) for uid in waiting[:limit])
        if not box.keeps:
            server.expunge()
        return done
    finally:
        with contextlib.suppress(Exception):
            server.logout()


def _imap_one(server: imaplib.IMAP4, box: Box, uid: str, take: Take) -> bool:
    _, parts = server.uid("fetch", uid, f"(BODY.PEEK[]<0.{box.read_bytes}>)")
    data = next((part[1] for part in parts if isinstance(part, tuple)), b"")
    leaves = take(data)
    # What is not ours stays, marked as seen, so that nobody's mail is lost.
    flag = "\\Deleted" if leaves and not box.keeps else "\\Seen"
    server.uid("store", uid, "+FLAGS.SILENT", f"({flag})")
    return True


def _pop3(box: Box, take: Take, limit: int) -> int:
    server = _Pop3(box)
    try:
        if box.tls == "starttls":
            server.stls(ssl.create_default_context())
        with _signing_in():
            server.user(box.username)
            server.pass_(box.password)
        sizes = [tuple(map(int, line.split()[:2])) for line in server.list()[1]]
        if not limit:
            return len(sizes)
        done = 0
        # The newest first: what stays because it is not ours never hides what is.
        for number, size in reversed(sizes):
            if done >= limit:
                break
            if size > LARGEST:
                continue
            # The header and some thousand lines: as much as is ever read.
            lines = (
                server.top(number, 20_000)[1] if size > box.read_bytes else server.retr(number)[1]
            )
            if take(b"\r\n".join(lines)[: box.read_bytes]):
                server.dele(number)
            done += 1
        return done
    finally:
        # POP3 deletes at QUIT only: a line that breaks before takes nothing away.
        with contextlib.suppress(Exception):
            server.quit()
