"""Sending the whole way, from *send* to a receipt that adds up, against Postfix's own source.

Both send mails of the same size into the same kind of sink; how large ours are is read from what
the sink got. The reference runs once before and twice after the campaign, and the median counts,
since a machine is seldom as fast twice.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import bench_links
import demo_file
import psutil
from bench_result import Result
from demo_server import Api, LeaderSend, free_port

#: What smtp-source sends before ours are known.
MAIL_BYTES = 4_900
#: Commands of a mail: they are read, but are not of it.
ENVELOPE_BYTES = 150
#: Makes a mail of nearly 5 KB: headers, both parts, three counted links, a beacon, and the footer
#: that nobody can take away, which alone has 3 KB.
BODY = (
    """<h1>Hello {{ contact.first_name | default: 'you' }}</h1>
<p>Look at <a href="https://shop.example/bread">the bread</a>, find
<a href="https://shop.example/way">the way</a> and read
<a href="https://shop.example/letters">our letters</a>.</p>
<p>"""
    + "Bread is made of flour, water and salt, and of time. " * 2
    + "</p>"
)


@dataclass(frozen=True)
class Sent:
    """One campaign."""

    mails: int
    planning_s: float
    sending_s: float
    """From the start to the end, planning included."""
    worker_mb: float
    """What the largest worker had in memory at its fullest."""
    cpu_s: float
    """Processor time of all of LeaderSend meanwhile."""

    @property
    def rate(self) -> float:
        """Mails a second."""
        return self.mails / self.sending_s


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

    @property
    def bytes_read(self) -> int:
        """All that it was sent so far."""
        return int(psutil.Process(self.process.pid).io_counters().read_chars)


def _unprivileged() -> list[str]:
    return ["-u", "nobody"] if os.getuid() == 0 else []


def run(mails: int, requests: int, *, database_url: str = "") -> Iterator[Result]:
    """A campaign on SQLite, or on the database at that URL, and the links of its mails."""
    where = "PostgreSQL" if database_url else "SQLite"
    references = [smtp_source(mails)]
    with IntoSink(database_url) as server:
        sent = send(server, mails)
        size = server.sink.bytes_read // sent.mails - ENVELOPE_BYTES
        references += [smtp_source(mails, size=size), smtp_source(mails, size=size)]
        reference = statistics.median(references)
        yield Result(
            f"send on {where}, {mails:,}", sent.rate, reference, "mails/s",
            "smtp-source -d -s 10", wanted="≥ 0.75" if database_url else "≥ 0.9",
        )  # fmt: skip
        yield Result(
            f"plan on {where}, {mails:,}", sent.planning_s, sent.sending_s, "s",
            "its sending time", is_times=True, wanted="≤ 0.05",
        )  # fmt: skip
        yield Result(
            f"largest worker on {where}", sent.worker_mb, 150, "MB", "150 MB", is_times=True,
            wanted="≤ 1",
        )  # fmt: skip
        if requests:
            yield from bench_links.run(server, requests)


def large(few: int, many: int) -> Iterator[Result]:
    """The cost of a mail, and the plan, when the campaign is ten times as large."""
    with IntoSink() as server:
        small = send(server, few)
    with IntoSink() as server:
        big = send(server, many)
    yield Result(
        f"one mail of {many:,}", 1e6 * big.cpu_s / many, 1e6 * small.cpu_s / few, "µs of CPU",
        f"one of {few:,}", is_times=True, wanted="≤ 1.1",
    )  # fmt: skip
    yield Result(
        f"plan of {many:,}", big.planning_s, big.sending_s, "s", "its sending time",
        is_times=True, wanted="≤ 0.05",
    )  # fmt: skip
    yield Result(
        f"largest worker, {many:,}", big.worker_mb, 150, "MB", "150 MB", is_times=True,
        wanted="≤ 1",
    )  # fmt: skip


class IntoSink(LeaderSend):
    """A LeaderSend that sends into a sink of its own."""

    def __init__(self, database_url: str = "") -> None:
        self.sink = Sink().__enter__()
        super().__init__(
            SMTP_URL=f"smtp://127.0.0.1:{self.sink.port}?tls=none&connections=10",
            **({"DATABASE_URL": database_url} if database_url else {}),
        )

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self.sink.__exit__()


def smtp_source(mails: int, *, size: int = MAIL_BYTES) -> float:
    """Mails a second of Postfix's load generator, on ten connections that it keeps."""
    with Sink() as sink:
        began = time.perf_counter()
        subprocess.run(  # noqa: S603
            [
                str(program("smtp-source")), "-d", "-s", "10", "-m", str(mails),
                "-l", str(size), "-f", "a@example.com", "-t", "b@example.com",
                f"127.0.0.1:{sink.port}",
            ],
            check=True, capture_output=True,
        )  # fmt: skip
        return mails / (time.perf_counter() - began)


def send(server: LeaderSend, mails: int) -> Sent:
    """One campaign to so many, by the product's own clock."""
    api = open_account(server)
    list_id = fill(api, mails)
    campaign = compose(api, list_id)
    wait_for_seals(server)
    with Watch(server.process.pid) as watch:
        api.post(f"/campaigns/{campaign}/send", {})
        done = api.wait(f"/campaigns/{campaign}", _is_sent, seconds=1800, every_s=0.5)
    receipt = api.get(f"/campaigns/{campaign}/receipt")
    if receipt["sent"] != receipt["intended"] or receipt["sent"] < mails * 0.9:
        raise RuntimeError(f"the receipt does not add up to all sent: {receipt}")
    began, ended = _moment(done["started_at"]), _moment(done["finished_at"])
    return Sent(
        receipt["sent"],
        planning_s=_planning_s(server, campaign),
        sending_s=ended - began,
        worker_mb=watch.worker_mb,
        cpu_s=watch.cpu_s,
    )


def open_account(server: LeaderSend) -> Api:
    """A business with a confirmed sender; what one may do by program."""
    account = server.command(
        "account", "create", "--business", "Bench", "--email", "alice@bakery.example",
        "--address", "1 High Street, 12345 Town", "--sender", "news@bakery.example",
    )  # fmt: skip
    token = server.command("token", "create", "--account", str(account["account"]))["token"]
    return Api(server.url, token)


def fill(api: Api, people: int) -> int:
    """A list of so many."""
    list_id = int(api.post("/lists", {"name": "Everybody"})["id"])
    text = demo_file.make(people, 0).text.encode()
    started = api.upload("/imports", text, list=str(list_id), basis="A benchmark.")
    api.wait(f"/imports/{started['id']}", lambda row: row["state"] == "finished", seconds=900)
    return list_id


def compose(api: Api, list_id: int) -> int:
    """The campaign that is measured."""
    return int(api.post("/campaigns", {
        "name": "Bench", "subject": "Hello {{ contact.first_name | default: 'you' }}",
        "from_name": "Bench", "from_email": "news@bakery.example", "html": BODY,
        "lists": [list_id], "tracking": "individual",
    })["id"])  # fmt: skip


def _is_sent(row: Any) -> bool:
    return bool(row["state"] == "sent")


def wait_for_seals(server: LeaderSend, *, seconds: float = 120) -> None:
    """Until the ledger of consents is sealed, which is work of the import, not of what follows."""
    newest = "SELECT coalesce(max(id), 0) FROM consent"
    sealed = "SELECT coalesce(max(last_id), 0) FROM consent_seal"
    end = time.monotonic() + seconds
    while not _row(server, f"SELECT ({sealed}) >= ({newest})")[0]:
        if time.monotonic() > end:
            raise RuntimeError("the ledger of consents was not sealed in time")
        time.sleep(0.5)


def _planning_s(server: LeaderSend, campaign: int) -> float:
    """How long the plan took; the campaign's row knows when it was ready."""
    asked = "SELECT started_at, planned_at FROM campaign WHERE id = :id"
    began, ended = _row(server, asked, id=campaign)
    return _moment(str(ended)) - _moment(str(began))


def _row(server: LeaderSend, query: str, **values: int) -> Any:
    import sqlalchemy as sa

    url = server.env.get("DATABASE_URL") or f"sqlite:///{server.home}/leadersend.sqlite"
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            return connection.execute(sa.text(query), values).one()
    finally:
        engine.dispose()


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


class Watch:
    """Looks at processes every quarter of a second: memory of workers, processor time of all."""

    def __init__(self, root: int) -> None:
        self.root = psutil.Process(root)
        self.worker_mb = 0.0
        self._cpu: dict[int, float] = {}
        self._before: dict[int, float] = {}
        self._over = threading.Event()

    def __enter__(self) -> Watch:
        self._look()
        self._before = dict(self._cpu)
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._look()

    @property
    def cpu_s(self) -> float:
        """Seconds since the beginning; children that ended count in their parents."""
        return sum(self._cpu.values()) - sum(self._before.values())

    def _watch(self) -> None:
        while not self._over.wait(0.25):
            self._look()

    def _look(self) -> None:
        for one in [self.root, *self.root.children(recursive=True)]:
            try:
                times, command = one.cpu_times(), " ".join(one.cmdline())
                memory = one.memory_info().rss / 1e6
            except psutil.Error:
                continue
            self._cpu[one.pid] = times.user + times.system
            if "worker.py" in command:  # the web server has workers, too
                self.worker_mb = max(self.worker_mb, memory)
