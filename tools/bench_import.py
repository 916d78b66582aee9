"""Import of a large file in a process of its own, beside what the databases do with it bare.

The file is as a business has it: a line per person in the order in which they came, so in no order
of addresses, with some lines that are no addresses and some people twice.
"""

from __future__ import annotations

import csv
import io
import json
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import demo_file
from bench_result import Result

HEADER = ("E-Mail", "First name", "Last name", "Company", "City")
TABLE = "CREATE TABLE people (address TEXT PRIMARY KEY, c1 TEXT, c2 TEXT, c3 TEXT, c4 TEXT)"
#: A prime above ten million and a factor: numbers that do not repeat and come in no order.
_PRIME, _FACTOR = 10_000_019, 6_180_347
MEMORY_MB = 200


def write_file(path: Path, size: int) -> None:
    """`size` rows of five columns; of each hundred two repeat somebody and one is no address."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(_rows(size))


def _rows(size: int) -> Iterator[tuple[str, ...]]:
    for n in range(size):
        if n % 100 == 99:
            yield demo_file.BAD[n % len(demo_file.BAD)], "Bad", "Row", "", ""
            continue
        person = n - 50 if n % 50 == 49 else n
        number = person * _FACTOR % _PRIME
        first = demo_file.FIRST[number % len(demo_file.FIRST)]
        last = demo_file.LAST[number // 7 % len(demo_file.LAST)]
        company = demo_file.COMPANY[number // 11 % len(demo_file.COMPANY)]
        city = demo_file.CITY[number // 13 % len(demo_file.CITY)]
        name = ("vera", "bob.baker", "jean-luc", "info", "m_mustermann")[number // 3 % 5]
        yield (
            f"{name}.{number}@{('example.com', 'mail.example')[number % 2]}",
            first,
            last,
            company,
            city,
        )


def run(home: Path, file: Path, account_id: int, list_id: int) -> Iterator[Result]:
    """On the SQLite in `home`, where the account and its list are."""
    found = _in_a_process(str(home), "", file, account_id, list_id)
    before = _processor_s(resource.RUSAGE_CHILDREN)
    bare, what = bare_sqlite(file, home.parent)
    bare_processor_s = _processor_s(resource.RUSAGE_CHILDREN) - before
    yield Result(
        f"import, {found['rows']:,} rows", found["seconds"], bare, "s", what,
        is_times=True, wanted="≤ 5 ×",  # noqa: RUF001
    )  # fmt: skip
    yield Result(
        "import, processor of the writer", found["processor_s"], bare_processor_s, "s",
        f"the same; the reader beside it {found['reader_s']:.1f} s", is_times=True,
    )  # fmt: skip
    yield _memory(found)


def _processor_s(who: int) -> float:
    """Seconds of a processor so far, in the programs and in the system for them."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def on_postgres(url: str, folder: Path, size: int) -> Iterator[Result]:
    """On a database of its own beside COPY into a bare table on the same server."""
    home = folder / "home"
    file = folder / "people.csv"
    write_file(file, size)
    found = _in_a_process(str(home), url, file, 0, 0)
    bare = bare_copy(url, file)
    yield Result(
        f"import, {found['rows']:,} rows, PostgreSQL", found["seconds"], bare, "s",
        "COPY into a bare table keyed by address", is_times=True,
    )  # fmt: skip


def _memory(found: dict[str, float]) -> Result:
    return Result(
        "import, memory at its peak", found["peak_mb"], MEMORY_MB, "MB",
        f"at most; the reader beside it {found['reader_mb']:.0f} MB",
        more_is_better=False, wanted="≥ 1",
    )  # fmt: skip


def _in_a_process(
    home: str, url: str, file: Path, account_id: int, list_id: int
) -> dict[str, float]:
    command = [sys.executable, __file__, home, url, str(file), str(account_id), str(list_id)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, float] = json.loads(done.stdout)
    return found


def bare_sqlite(file: Path, folder: Path) -> tuple[float, str]:
    """Seconds, and what was done. Rows that repeat an address are refused one by one."""
    shell, database = shutil.which("sqlite3"), folder / "reference.sqlite"
    database.unlink(missing_ok=True)
    began = time.perf_counter()
    if shell:
        script = f"PRAGMA journal_mode = WAL;\n{TABLE};\n.import --csv --skip 1 {file} people\n"
        command = [shell, str(database)]
        subprocess.run(command, input=script.encode(), capture_output=True, check=False)  # noqa: S603
    else:
        _by_csv(file, database)
    seconds = time.perf_counter() - began
    with closing(sqlite3.connect(database)) as connection:
        (rows,) = connection.execute("SELECT count(*) FROM people").fetchone()
    if rows < 1000:
        raise RuntimeError(f"the reference took only {rows} rows")
    return seconds, "sqlite3 .import into a bare table" if shell else "Python's csv, bare table"


def _by_csv(file: Path, database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, file.open(newline="") as lines:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(TABLE)
        connection.executemany(
            "INSERT OR REPLACE INTO people VALUES (?, ?, ?, ?, ?)", csv.reader(lines)
        )
        connection.commit()


def bare_copy(url: str, file: Path) -> float:
    """COPY stops at the first repeated address, so it gets each once: less work than ours."""
    import sqlalchemy as sa

    lines, seen = io.StringIO(), set()
    with file.open(newline="", encoding="utf-8") as source:
        rows = csv.reader(source)
        next(rows)
        writer = csv.writer(lines)
        for row in rows:
            if row[0] not in seen:
                seen.add(row[0])
                writer.writerow(row)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(TABLE)
        driver = connection.connection.driver_connection
        began = time.perf_counter()
        with driver.cursor() as cursor, cursor.copy("COPY people FROM STDIN (FORMAT csv)") as copy:  # type: ignore[union-attr]
            copy.write(lines.getvalue())
        seconds = time.perf_counter() - began
    engine.dispose()
    return seconds


def main(home: str, url: str, file: str, account_id: str, list_id: str) -> None:
    """The process: import, then say how long it took and how large it was."""
    from app.config import load
    from app.core.db import db
    from app.factory import create_app

    given = {"LEADERSEND_HOME": home} | ({"DATABASE_URL": url} if url else {})
    config = load(given)
    if not int(account_id):
        from app.core.migrating import upgrade

        upgrade(config.DATABASE_URL)
    with create_app(config).app_context():
        ids = (int(account_id), int(list_id)) if int(account_id) else _opened()
        before = _processor_s(resource.RUSAGE_SELF)
        seconds, rows = take_in(*ids, Path(file))
        processor_s = _processor_s(resource.RUSAGE_SELF) - before
        db.session.remove()
        db.engine.dispose()
    reader = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = {
        "seconds": seconds,
        "rows": rows,
        "processor_s": processor_s,
        "reader_s": reader.ru_utime + reader.ru_stime,
        "peak_mb": _peak_mb(),
        "reader_mb": reader.ru_maxrss * 1024 / 1e6,
    }
    print(json.dumps(found))


def _peak_mb() -> float:
    """What this process had in memory at its fullest. getrusage would count the one it was forked
    from, too, where that was larger."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def _opened() -> tuple[int, int]:
    from app.accounts import opening
    from app.contacts import lists
    from app.core.db import transaction

    with transaction():
        account, _ = opening.open_account(
            business="Alice", email="alice@alice.example", address="1 High Street, 12345 Town"
        )
        return account.id, lists.create(account, "Everybody").id


def take_in(account_id: int, list_id: int, file: Path) -> tuple[float, int]:
    """Import a file; how long it took from the upload on, and its rows."""
    from app.accounts.models import Account
    from app.contacts import importing
    from app.contacts.models import ContactList, Import
    from app.core.db import db

    account = db.session.get_one(Account, account_id)
    list_ = db.session.get_one(ContactList, list_id)
    began = time.perf_counter()
    with file.open("rb") as source:
        import_ = importing.stage(account, source, file.name, list_=list_, basis="A benchmark.")
    while importing.run(import_.id):
        pass
    seconds = time.perf_counter() - began
    done = db.session.get_one(Import, import_.id, populate_existing=True)
    if done.state != "finished":
        raise RuntimeError(f"the import ended as {done.state}: {done.error}")
    return seconds, done.rows


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    main(*sys.argv[1:])
