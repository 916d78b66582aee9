"""The benchmarks, each beside its reference in the same run: only the ratio says something.

Absolute numbers depend on the machine and on what else it does; a ratio that falls between two
versions on one machine means that LeaderSend got slower. Prints a table and writes
`bench.json` into the data folder.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

from bench_result import Result

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main() -> int:
    """0 when every benchmark could run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mails", type=int, default=100_000, help="recipients of the send")
    parser.add_argument("--many", type=int, default=1_000_000, help="recipients of the large send")
    parser.add_argument("--contacts", type=int, default=1_000_000, help="rows of import and plan")
    parser.add_argument("--requests", type=int, default=10_000, help="hits on links of mails")
    parser.add_argument("--only", nargs="+", choices=sorted(PARTS), default=sorted(PARTS))
    options = parser.parse_args()
    results: list[Result] = []
    failed = 0
    print(HEAD)
    for name in PARTS:
        if name not in options.only:
            continue
        try:
            for result in PARTS[name](options):
                results.append(result)
                print(result.line(), flush=True)
        except Missing as error:
            failed += 1
            print(f"NOT RUN: {name}: {error}")
    print(f"\nWritten to {write(results)}")
    return 1 if failed else 0


class Missing(Exception):
    """A program that a reference needs is not installed."""


HEAD = (
    f"{'benchmark':<34}{'LeaderSend':>14}{'reference':>14}  {'unit':<12}{'ratio':>7}   "
    f"{'wanted':<8}against"
)


def data(options: argparse.Namespace) -> Iterator[Result]:
    """Import, plan and pages, on one database."""
    import bench_data

    with tempfile.TemporaryDirectory(prefix="leadersend-bench-") as folder:
        yield from bench_data.run(Path(folder), options.contacts)


def mail(options: argparse.Namespace) -> Iterator[Result]:
    """Sending on SQLite, then the links of those mails."""
    yield from _postfix().run(options.mails, options.requests)


def postgres(options: argparse.Namespace) -> Iterator[Result]:
    """Sending on a PostgreSQL of its own."""
    from tests.servers import PostgresServer

    if PostgresServer.programs() is None:
        raise Missing("PostgreSQL is not installed: apt-get install postgresql")
    import bench_import

    with (
        PostgresServer(durable=True) as server,
        tempfile.TemporaryDirectory(prefix="leadersend-") as folder,
    ):
        url = server.database("import")
        yield from bench_import.on_postgres(url, Path(folder), options.contacts)
        yield from _postfix().run(options.mails, 0, database_url=server.database("bench"))


def large(options: argparse.Namespace) -> Iterator[Result]:
    """A campaign ten times as large."""
    yield from _postfix().large(options.mails, options.many)


def busy(options: argparse.Namespace) -> Iterator[Result]:
    """What others notice while a large campaign goes out."""
    _postfix()
    import bench_busy

    yield from bench_busy.run(options.many)


def _postfix() -> ModuleType:
    import bench_send

    if bench_send.program("smtp-sink") is None:
        raise Missing("smtp-sink and smtp-source come with Postfix: apt-get install postfix")
    return bench_send


PARTS: dict[str, Callable[[argparse.Namespace], Iterator[Result]]] = {
    "data": data,
    "mail": mail,
    "postgres": postgres,
    "large": large,
    "busy": busy,
}


def write(results: list[Result]) -> Path:
    """All numbers, with what they were measured on."""
    from app.config import load

    path = load().LEADERSEND_HOME / "bench.json"
    found = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "results": [result.as_dict() for result in results],
    }
    path.write_text(json.dumps(found, indent=2) + "\n")
    return path


if __name__ == "__main__":
    sys.exit(main())
