"""The links of mails against an empty page."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench_result import Result
from demo_server import CHECKOUT, LeaderSend, free_port

CONNECTIONS = 24
HEADERS = "Host: localhost\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0"


def run(server: LeaderSend, requests: int) -> Iterator[Result]:
    """Beacons and clicks of a campaign that was sent."""
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
