"""What others notice while a large campaign goes out: pages, small campaigns, system mail."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import bench_send
from bench_result import Result
from demo_server import Api, LeaderSend, Reply, web

ROUNDS = 25
SMALL = 100
PASSWORD = "bread and salt and seven rolls"  # noqa: S105 - protects a scratch account


class Browser:
    """Keeps cookies, so that it can be signed in."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.cookies: dict[str, str] = {}

    def get(self, path: str) -> Reply:
        """A page; redirects are followed."""
        return self._follow(web("GET", self.url + path, headers=self._headers()))

    def submit(self, page: Reply, **fields: str) -> Reply:
        """The page's form, filled in."""
        form = {**page.form_fields(), **fields}
        return self._follow(web("POST", page.form_action(), form=form, headers=self._headers()))

    def _follow(self, reply: Reply) -> Reply:
        while True:
            if cookie := reply.headers.get("set-cookie"):
                name, _, value = cookie.partition(";")[0].partition("=")
                self.cookies[name] = value
            if not reply.location:
                return reply
            parts = urlsplit(reply.location)
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            reply = web("GET", self.url + path, headers=self._headers())

    def _headers(self) -> dict[str, str]:
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}


def run(mails: int) -> Iterator[Result]:
    """Pages at rest and while a campaign of so many goes out; then what else starts meanwhile."""
    with bench_send.IntoSink() as server:
        api, link = _account(server, "alice")
        large = bench_send.compose(api, bench_send.fill(api, mails))
        other, _ = _account(server, "charlie")
        small = bench_send.compose(other, bench_send.fill(other, SMALL))
        bench_send.wait_for_seals(server)
        browser = _signed_in(server, "alice", link)
        pages = {
            "home": "/home", "contacts": "/contacts", "search as you type": "/contacts?q=ver",
            "campaigns": "/campaigns", "the campaign": f"/campaigns/{large}",
        }  # fmt: skip
        for path in pages.values():
            browser.get(path)
        at_rest = _p95(browser, pages)
        api.post(f"/campaigns/{large}/send", {})
        api.wait(f"/campaigns/{large}/receipt", lambda row: row["sent"] > 0, seconds=300)
        busy = _p95(browser, pages)
        other.post(f"/campaigns/{small}/send", {})
        reset = Browser(server.url)
        reset.submit(reset.get("/password/forgot"), email="charlie@bakery.example")
        done = other.wait(f"/campaigns/{small}", lambda row: row["state"] == "sent", seconds=120)
        still = api.get(f"/campaigns/{large}")["state"] == "sending"
        if not still:
            raise RuntimeError("the large campaign was over too soon to say anything: give --many")
        yield from _compared(at_rest, busy)
        yield Result(
            f"small campaign beside {mails:,}", _seconds(done), 10, "s", "10 s to its end",
            is_times=True, wanted="≤ 1",
        )  # fmt: skip
        yield Result(
            "password reset meanwhile", _notice_s(server), 5, "s", "5 s to the server",
            is_times=True, wanted="≤ 1",
        )  # fmt: skip
        api.post(f"/campaigns/{large}/cancel", {})


def _account(server: LeaderSend, name: str) -> tuple[Api, str]:
    """A business, and the link to its owner's first password."""
    made = server.command(
        "account", "create", "--business", name, "--email", f"{name}@bakery.example",
        "--address", "1 High Street, 12345 Town", "--sender", "news@bakery.example",
    )  # fmt: skip
    token = server.command("token", "create", "--account", str(made["account"]))["token"]
    return Api(server.url, token), made["set_password_url"]


def _signed_in(server: LeaderSend, name: str, link: str) -> Browser:
    """As the owner, by the way that everybody takes."""
    browser = Browser(server.url)
    browser.submit(browser.get(urlsplit(link).path), password=PASSWORD)
    fields = {"email": f"{name}@bakery.example", "password": PASSWORD}
    browser.submit(browser.get("/sign-in"), **fields)
    return browser


def _p95(browser: Browser, pages: dict[str, str]) -> dict[str, float]:
    """Milliseconds that 95 of 100 requests stay below, for each page."""
    taken: dict[str, list[float]] = {name: [] for name in pages}
    for _ in range(ROUNDS):
        for name, path in pages.items():
            began = time.perf_counter()
            browser.get(path)
            taken[name].append(1000 * (time.perf_counter() - began))
    return {name: statistics.quantiles(one, n=20)[-1] for name, one in taken.items()}


def _compared(at_rest: dict[str, float], busy: dict[str, float]) -> Iterator[Result]:
    for name, value in busy.items():
        yield Result(
            f"{name} while sending, p95", value, at_rest[name], "ms", "the same at rest",
            is_times=True, wanted="< 50 ms",
        )  # fmt: skip


def _seconds(done: Any) -> float:
    began, ended = (datetime.fromisoformat(done[name]) for name in ("started_at", "finished_at"))
    return (ended - began).total_seconds()


def _notice_s(server: LeaderSend) -> float:
    """From asking for a link until the mail server had it."""
    import sqlalchemy as sa

    engine = sa.create_engine(f"sqlite:///{server.home}/leadersend.sqlite")
    with engine.connect() as connection:
        row = connection.execute(
            sa.text("SELECT created_at, sent_at FROM notice WHERE sent_at IS NOT NULL "
                    "ORDER BY id DESC LIMIT 1")
        ).one()  # fmt: skip
    engine.dispose()
    asked, sent = (datetime.fromisoformat(str(at)) for at in row)
    return (sent - asked).total_seconds()
