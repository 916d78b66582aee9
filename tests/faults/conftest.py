"""The table of faults: each test adds a row; it is printed at the end, and kept where
FAULTS_TABLE names a file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.conftest import campaign_to, server, to_server
from tests.faults.world import Sums, World
from tests.servers import PostgresServer

__all__ = ["campaign_to", "server", "to_server"]


@dataclass(frozen=True)
class Row:
    """One fault and what it cost."""

    fault: str
    what: str
    recipients: int
    lost: int
    doubled: int
    uncertain: int
    seconds: float | None
    """Until the work went on, once the fault was over; None where nothing stopped."""


ROWS: list[Row] = []
Add = Callable[..., None]


@pytest.fixture
def row() -> Add:
    """row("F3", "what was done", sums, seconds=…, uncertain=at most): add to the table, and fail
    where somebody is lost or doubled, or more are uncertain than promised."""

    def add(
        fault: str, what: str, sums: Sums, *, seconds: float | None = None, uncertain: int = 0
    ) -> None:
        rounded = None if seconds is None else round(seconds, 1)
        ROWS.append(
            Row(fault, what, sums.recipients, sums.lost, sums.doubled, sums.uncertain, rounded)
        )
        assert (sums.lost, sums.doubled, sums.wrong) == (0, 0, []), sums
        assert sums.uncertain <= uncertain, sums
        assert seconds is None or seconds <= 60, f"went on after {seconds:.0f} s"

    return add


@pytest.fixture
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """On SQLite, or on what LEADERSEND_TEST_DATABASE says."""
    url = ""
    if os.environ.get("LEADERSEND_TEST_DATABASE") == "postgresql":
        url = request.getfixturevalue("postgres").database("world")
    with World(tmp_path, database_url=url) as made:
        yield made


@pytest.fixture
def sqlite_world(tmp_path: Path) -> Iterator[World]:
    """On SQLite, for what only SQLite knows; once is enough."""
    if os.environ.get("LEADERSEND_TEST_DATABASE") == "postgresql":
        pytest.skip("only on SQLite")
    with World(tmp_path) as made:
        yield made


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL that may be killed."""
    if PostgresServer.programs() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with PostgresServer(durable=True) as running:
        yield running


@pytest.fixture
def postgres_world(tmp_path: Path, own_postgres: PostgresServer) -> Iterator[World]:
    """On a PostgreSQL that may be killed."""
    with World(tmp_path, database_url=own_postgres.database("faults")) as made:
        yield made


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Processes that tests run in hand their rows to the one that prints."""
    given = getattr(session.config, "workeroutput", None)
    if given is not None:
        given["rows of the table"] = [asdict(row) for row in ROWS]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what such a process found."""
    given = getattr(node, "workeroutput", {})
    ROWS.extend(Row(**row) for row in given.get("rows of the table", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    path = Path(os.environ["FAULTS_TABLE"]) if os.environ.get("FAULTS_TABLE") else None
    found = [*_before(path), *ROWS]
    if not found or hasattr(terminalreporter.config, "workeroutput"):
        return
    rows = sorted(found, key=lambda row: (int(row.fault[1:].split(".")[0]), row.fault, row.what))
    _print(rows, terminalreporter.write_line)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


def _before(path: Path | None) -> list[Row]:
    """What an earlier part of the same `make faults` found."""
    if path is None or not path.exists():
        return []
    return [Row(**row) for row in json.loads(path.read_text())]


def _print(rows: list[Row], write: Callable[[str], None]) -> None:
    write("")
    write(
        f"{'fault':6}{'what':58}{'recipients':>11}{'lost':>6}{'doubled':>9}{'uncertain':>11}"
        f"{'went on after':>15}"
    )
    for row in rows:
        after = "-" if row.seconds is None else f"{row.seconds:.1f} s"
        write(
            f"{row.fault:6}{row.what[:56]:58}{row.recipients:>11,}{row.lost:>6}{row.doubled:>9}"
            f"{row.uncertain:>11}{after:>15}"
        )
