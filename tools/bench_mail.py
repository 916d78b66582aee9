"""Sending against Postfix's own source, and the links of mails against an empty page."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import demo_file
from bench_result import Result
from demo_server import CHECKOUT, Api, LeaderSend, free_port

CONNECTIONS = 24
MAIL_BYTES = 4096
HEADERS = "Host: localhost\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0"
#: Makes a mail about as large as those of smtp-source.
BODY = "Hello {{ contact.first_name | default: 'you' }}\n\n[One](https://example.com/1)\n\n" + (
    "Bread is made of flour, water and salt, and of time. " * 20
)


def program(name: str) -> str | None:
    """Where a program of Postfix lies."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin")


class Sink:
    """smtp-sink on a port of its own: takes everything, keeps nothing."""

    def __enter__(self) -> Sink:
        self.port = free_port()
        self.process = subprocess.Popen(  # noqa: S603
            [str(program("smtp-sink")), *_unprivileged(), f"127.0.0.1:{self.port}", "500"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(0.5)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()


def _unprivileged() -> list[str]:
    return ["-u", "nobody"] if os.getuid() == 0 else []


def run(mails: int, requests: int) -> Iterator[Result]:
    """One campaign through the whole product, then its links."""
    reference = _smtp_source(mails)
    with Sink() as sink, LeaderSend(SMTP_URL=f"smtp://127.0.0.1:{sink.port}?tls=none") as server:
        yield Result(
            f"send, {mails:,} mails", _send(server, mails), reference, "mails/s",
            "smtp-source -d -s 10", wanted="≥ 0.9",
        )  # fmt: skip
        yield from _links(server, requests)


def _smtp_source(mails: int) -> float:
    with Sink() as sink:
        began = time.perf_counter()
        subprocess.run(  # noqa: S603
            [
                str(program("smtp-source")), "-d", "-s", "10", "-m", str(mails),
                "-l", str(MAIL_BYTES), "-f", "a@example.com", "-t", "b@example.com",
                f"127.0.0.1:{sink.port}",
            ],
            check=True, capture_output=True,
        )  # fmt: skip
        return mails / (time.perf_counter() - began)


def _send(server: LeaderSend, mails: int) -> float:
    """From the start to the end of the campaign, planning included, by the product's clock."""
    account = server.command(
        "account", "create", "--business", "Bench", "--email", "alice@bakery.example",
        "--address", "1 High Street, 12345 Town", "--sender", "news@bakery.example",
    )  # fmt: skip
    token = server.command("token", "create", "--account", str(account["account"]))["token"]
    api = Api(server.url, token)
    list_id = api.post("/lists", {"name": "Everybody"})["id"]
    text = demo_file.make(mails, 0).text.encode()
    started = api.upload("/imports", text, list=str(list_id), basis="A benchmark.")
    api.wait(f"/imports/{started['id']}", lambda row: row["state"] == "finished", seconds=120)
    campaign = api.post("/campaigns", {
        "name": "Bench", "subject": "Hello", "from_name": "Bench",
        "from_email": "news@bakery.example", "markdown": BODY, "lists": [list_id],
    })["id"]  # fmt: skip
    api.post(f"/campaigns/{campaign}/send", {})
    done = api.wait(f"/campaigns/{campaign}", lambda row: row["state"] == "sent", seconds=600)
    receipt = api.get(f"/campaigns/{campaign}/receipt")
    if receipt["sent"] != receipt["intended"]:
        raise RuntimeError(f"the receipt does not add up to all sent: {receipt}")
    seconds = (_moment(done["finished_at"]) - _moment(done["started_at"])).total_seconds()
    return float(receipt["sent"]) / seconds


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _links(server: LeaderSend, requests: int) -> Iterator[Result]:
    from app.core import tokens
    from app.core.tokens import Purpose

    tokens.configure((server.home / "secret_key").read_text().strip())
    opens = [f"/o/{tokens.sign(Purpose.OPEN, n)}.gif" for n in range(1, requests + 1)]
    clicks = [f"/c/{tokens.sign(Purpose.CLICK, n, 1)}" for n in range(1, requests + 1)]
    with EmptyPage() as empty:
        bare = asyncio.run(_rate(empty.port, ["/"] * requests))
    for name, paths in (("open", opens), ("click", clicks)):
        rate = asyncio.run(_rate(server.port, paths))
        yield Result(
            f"{name}, {requests:,} hits", rate, bare, "requests/s", "an empty Flask page",
            wanted="≥ 0.8",
        )  # fmt: skip


class EmptyPage:
    """A Flask application with one empty page, served as LeaderSend is."""

    SOURCE = (
        "from flask import Flask\napp = Flask(__name__)\napp.add_url_rule('/', view_func=str)\n"
    )

    def __enter__(self) -> EmptyPage:
        from app.ops.parts import WEB_THREADS

        self.port = free_port()
        self.folder = Path("/tmp") / f"leadersend-bench-{secrets.token_hex(4)}"  # noqa: S108
        self.folder.mkdir()
        (self.folder / "empty_page.py").write_text(self.SOURCE)
        self.process = subprocess.Popen(  # noqa: S603
            [
                sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1",
                "--port", str(self.port), "--workers", "1",
                "--blocking-threads", str(WEB_THREADS), "--no-ws", "--http", "1",
                "--log-level", "error", "--working-dir", str(self.folder), "empty_page:app",
            ],
            cwd=CHECKOUT,
        )  # fmt: skip
        time.sleep(3)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


async def _rate(port: int, paths: list[str]) -> float:
    """Requests a second over some connections that are kept."""
    share = [paths[number::CONNECTIONS] for number in range(CONNECTIONS)]
    began = time.perf_counter()
    await asyncio.gather(*(_ask(port, part) for part in share))
    return len(paths) / (time.perf_counter() - began)


async def _ask(port: int, paths: list[str]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for path in paths:
        writer.write(f"GET {path} HTTP/1.1\r\n{HEADERS}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith((b"http/1.1 200", b"http/1.1 302")):
            raise RuntimeError(f"{path} answers {head[:40]!r}")
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length or b"0"))
    writer.close()
