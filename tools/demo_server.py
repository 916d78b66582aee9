"""A LeaderSend of our own, and a client of its API that uses the standard library alone."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import secrets
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from html import unescape
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urljoin, urlsplit

CHECKOUT = Path(__file__).resolve().parent.parent
FROM_ENVIRONMENT = ("PATH", "HOME", "LANG", "TMPDIR", "TZ")


class Refused(Exception):
    """An answer that is no success."""


@dataclass
class Reply:
    """An answer."""

    url: str
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def location(self) -> str:
        """Where a redirect leads."""
        return self.headers.get("location", "")

    def form_action(self) -> str:
        """Where the page's first form that posts goes to."""
        found = re.search(r"<form[^>]*>", self._form())
        action = re.search(r'action="([^"]*)"', found[0]) if found else None
        return urljoin(self.url, unescape(action[1])) if action else self.url

    def form_fields(self) -> dict[str, str]:
        """What its hidden fields and its button say."""
        fields = {}
        for tag in re.findall(r"<(?:input|button)[^>]*>", self._form()):
            name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
            if name:
                fields[unescape(name[1])] = unescape(value[1]) if value else ""
        return fields

    def _form(self) -> str:
        page = self.body.decode()
        found = re.search(r'<form[^>]*method="post".*?</form>', page, re.DOTALL | re.IGNORECASE)
        if not found:
            raise Refused(f"no form at {self.url}")
        return found[0]


def web(
    method: str,
    url: str,
    *,
    agent: str = "",
    form: dict[str, str] | None = None,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> Reply:
    """One request; redirects are not followed. Raises Refused for an error."""
    parts = urlsplit(url)
    sent = dict(headers or {})
    if agent:
        sent["User-Agent"] = agent
    if form is not None:
        body = urlencode(form).encode()
        sent["Content-Type"] = "application/x-www-form-urlencoded"
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    try:
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, path, body or None, sent)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        reply = Reply(url, answer.status, found, answer.read())
    finally:
        connection.close()
    if reply.status >= 400:
        raise Refused(f"{method} {url}: {reply.status} {reply.body.decode(errors='replace')[:500]}")
    return reply


class Api:
    """The HTTP API with a token."""

    def __init__(self, url: str, token: str) -> None:
        self.url = f"{url}/api/v1"
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str) -> Any:
        """The answer's JSON."""
        return json.loads(web("GET", self.url + path, headers=self.headers).body)

    def text(self, path: str) -> str:
        """The answer as it is."""
        return web("GET", self.url + path, headers=self.headers).body.decode()

    def post(self, path: str, body: Any, *, key: str = "") -> Any:
        """Every POST carries a key, so that a repeat could do no harm."""
        headers = {
            **self.headers,
            "Content-Type": "application/json",
            "Idempotency-Key": key or secrets.token_hex(8),
        }
        sent = json.dumps(body).encode()
        reply = web("POST", self.url + path, body=sent, headers=headers)
        return json.loads(reply.body or b"null")

    def upload(self, path: str, content: bytes, **fields: str) -> Any:
        """A file as browsers send it."""
        edge = secrets.token_hex(16)
        parts = [
            f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        ]
        head = 'Content-Disposition: form-data; name="file"; filename="Customers.csv"'
        parts.append(f"--{edge}\r\n{head}\r\nContent-Type: text/csv\r\n\r\n".encode())
        body = b"".join(parts) + content + f"\r\n--{edge}--\r\n".encode()
        headers = {**self.headers, "Content-Type": f"multipart/form-data; boundary={edge}"}
        return json.loads(web("POST", self.url + path, body=body, headers=headers).body)

    def wait(
        self, path: str, ready: Callable[[Any], bool], *, seconds: float = 60, every_s: float = 0.1
    ) -> Any:
        """Ask until it is so; the last answer when time is over."""
        end = time.monotonic() + seconds
        while True:
            found = self.get(path)
            if ready(found) or time.monotonic() > end:
                return found
            time.sleep(every_s)


class LeaderSend:
    """All parts, as `leadersend up` starts them, in a folder of their own."""

    def __init__(self, *, keep: bool = False, **settings: str) -> None:
        self.keep = keep
        self.home = Path(tempfile.mkdtemp(prefix="leadersend-demo-"))
        self.port, self.mail_port = free_port(), free_port()
        self.url = f"http://localhost:{self.port}"
        self.env = {name: os.environ[name] for name in FROM_ENVIRONMENT if name in os.environ}
        self.env |= {
            "LEADERSEND_HOME": str(self.home),
            "PORT": str(self.port),
            "INBOUND": f"127.0.0.1:{self.mail_port}",
            "PYTHONPATH": str(CHECKOUT),
            **settings,
        }

    def __enter__(self) -> Self:
        self.log = (self.home / "demo.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "up"],
            cwd=CHECKOUT, env=self.env, stdout=self.log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            self._wait()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _wait(self) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                web("GET", f"{self.url}/readyz")
            except (OSError, Refused, http.client.HTTPException):
                time.sleep(0.2)
            else:
                return
        raise Refused(f"LeaderSend did not start:\n{(self.home / 'demo.log').read_text()}")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        if error is not None:
            sys.stderr.write((self.home / "demo.log").read_text()[-5000:])
        if not self.keep:
            shutil.rmtree(self.home, ignore_errors=True)

    def command(self, *arguments: str) -> Any:
        """Run `leadersend …` beside it; returns what it prints."""
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "app.cli", *arguments, "--json"],
            cwd=CHECKOUT, env=self.env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise Refused(f"leadersend {' '.join(arguments)}: {done.stderr}")
        return json.loads(done.stdout)

    def deliver(self, sender: str, to: str) -> None:
        """A mail to its door, as a recipient's server would bring it."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender, to, "unsubscribe"
        message.set_content("unsubscribe")
        with smtplib.SMTP("127.0.0.1", self.mail_port, timeout=20) as door:
            door.send_message(message, sender, [to])


def free_port() -> int:
    """A port that nobody uses now, by chance, from below those that connections get."""
    while True:
        port = 10_000 + secrets.randbelow(22_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
