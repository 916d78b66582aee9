"""kill -9 in the middle, for real: another worker goes on, and nothing is missing or twice."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import sqlalchemy as sa

from app.accounts.models import Account
from app.core.db import db, transaction
from app.moving import archive, files, steps, taking_in, taking_out
from app.moving.models import Takein, Takeout
from tests.conftest import Person
from tests.moving.conftest import Zip, later, take_out, unpacked
from tests.moving.test_taking_in import again, looked_at, matter
from tests.moving.test_taking_out import without_times

TABLES = ("contacts.csv", "subscriptions.csv", "consents.jsonl", "suppressions.csv")


def killed(work: Callable[[], object], when: Callable[[], bool]) -> None:
    """Run in a process of its own, which dies without a word as soon as `when` says so."""
    db.session.remove()
    db.engine.dispose()
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    end = time.monotonic() + 20
    while not when() and time.monotonic() < end:
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "it was done before it could be killed"


def test_a_killed_take_out_is_whole_in_the_end(bakery: Account) -> None:
    whole = unpacked(take_out(bakery))
    with transaction():
        takeout = taking_out.start(bakery, None)
    path = files.path_of(files.OUT, takeout.stored_as)
    real, number = archive.Sink.write, takeout.id

    def slowly() -> None:
        def write(sink: archive.Sink, data: bytes) -> None:
            time.sleep(0.01)
            real(sink, data)

        archive.Sink.write = write  # type: ignore[method-assign]
        while taking_out.run(number, budget_s=0.05):
            pass

    for size in (3_000, 9_000):
        killed(slowly, lambda size=size: path.exists() and path.stat().st_size > size)
        expire(Takeout)

    while taking_out.run(number):
        pass
    found = unpacked(db.session.get_one(Takeout, number, populate_existing=True))
    assert found.names == whole.names
    assert without_times(found) == without_times(whole)


def expire(model: type[Takeout] | type[Takein]) -> None:
    """The killed one's lease is over."""
    with transaction():
        db.session.execute(sa.update(model).values(lease_until=later(-1)))


def test_a_killed_take_in_stores_everything_once(bakery: Account, charlie: Person) -> None:
    out = taking_out.path(take_out(bakery))
    account = charlie.account
    takein = looked_at(account, out)
    with transaction():
        taking_in.start(account, None, takein)
    number = takein.id

    def slowly() -> None:
        steps.CHUNK = 2
        real = taking_in._save

        def save(*args: object, **options: object) -> None:
            time.sleep(0.02)
            real(*args, **options)  # type: ignore[arg-type]

        taking_in._save = save
        taking_in.run(number)

    for rows in (3, 12, 25):
        killed(slowly, lambda rows=rows: done(number) > rows)
        expire(Takein)

    while taking_in.run(number):
        pass
    assert again(takein).state == "finished"
    before, after = Zip(out), unpacked(take_out(account))
    for name in TABLES:
        assert matter(after, name) == matter(before, name), name


def done(number: int) -> int:
    db.session.rollback()
    return db.session.scalar(sa.select(Takein.rows).where(Takein.id == number)) or 0
