"""Everything of an account as a ZIP in the data folder: begun by a person, written by a worker.

A run writes for some seconds, closes the ZIP and says in the row how long it is; the next run
goes on behind it. Whoever is killed costs what was written since.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.accounts import auditing, notices, owners
from app.accounts.models import Account, Member, Membership
from app.core import settings, stopping
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import WrongState
from app.core.room import NoRoom, is_for_want_of_room
from app.moving import archive, estimating, files, leasing
from app.moving.archive import Archive, Busy
from app.moving.leasing import BUDGET_S, Beat, Overtaken
from app.moving.models import OPEN_OUT, Takeout
from app.moving.writing import Ended, Writer

log = logging.getLogger(__name__)

KEPT = timedelta(days=7)
#: What must stay free on the disk beside the file.
SPARE_BYTES = 100_000_000
ASKED = "takeout.start"


class UnderWay(WrongState):
    """Two at once would only be slower."""

    def __init__(self) -> None:
        super().__init__("A take-out is being made already. It is here when it is ready.")


def start(account: Account, member: Member | None) -> Takeout:
    """Begin one; enqueue after it. Raises UnderWay, NoRoom."""
    guess = estimating.estimate(account)
    if files.room_bytes() < guess.size_bytes + SPARE_BYTES:
        raise NoRoom
    if _open(account.id) is not None:
        raise UnderWay
    takeout = Takeout(
        account_id=account.id, member_id=member.id if member else None,
        stored_as=files.new_name(), expected=guess.rows,
    )  # fmt: skip
    try:
        with db.session.begin_nested():
            db.session.add(takeout)
    except sa.exc.IntegrityError:
        raise UnderWay from None
    auditing.note(account, member, ASKED, f"take-out {takeout.id}")
    return takeout


def _open(account_id: int) -> int | None:
    return db.session.scalar(
        sa.select(Takeout.id).where(Takeout.account_id == account_id, Takeout.state.in_(OPEN_OUT))
    )


def run(takeout_id: int, *, budget_s: float = BUDGET_S) -> bool:
    """Go on for about so many seconds; True when there is more to do.

    Harmless when another worker has it. What nobody expects marks it as failed and is raised.
    """
    with transaction():
        lease = leasing.claim(Takeout, takeout_id, OPEN_OUT, to="running")
    if lease is None:
        return False
    try:
        return _work(takeout_id, lease, budget_s)
    except (Overtaken, Busy):
        return False
    except sa.exc.OperationalError:
        raise  # the database is busy or away: the sweep takes it up again
    except Exception as error:
        db.session.rollback()
        _fail(takeout_id, error)
        if is_for_want_of_room(error):
            return False
        raise


def _work(takeout_id: int, lease: str, budget_s: float) -> bool:
    takeout = db.session.get_one(Takeout, takeout_id, populate_existing=True)
    account = db.session.get_one(Account, takeout.account_id)
    path = files.path_of(files.OUT, takeout.stored_as)
    beat = Beat(Takeout, takeout_id, lease, budget_s=budget_s)
    with Archive(path, takeout.size_bytes) as file:
        done = write(account, file, pause=beat, is_over=beat.is_over)
        size = file.close()
        with transaction():
            values = {"size_bytes": size, "lease": None, "lease_until": None}
            leasing.move(Takeout, takeout_id, lease, rows=done.rows, **values)
            if done.is_whole:
                _finish(takeout_id, account)
    return not done.is_whole


class Done:
    """How far a run came."""

    def __init__(self, rows: int, *, is_whole: bool) -> None:
        self.rows, self.is_whole = rows, is_whole


def write(
    account: Account, file: Archive, *, pause: Callable[[int], None] = lambda rows: None,
    is_over: Callable[[], bool] = lambda: False,
) -> Done:  # fmt: skip
    """Add what is missing to an open archive, until it is whole or the time is over."""
    writer = Writer(account, file, pause=pause, is_over=is_over, must_end=stopping.asked)
    try:
        writer.write()
    except Ended:
        return Done(writer.rows, is_whole=False)
    return Done(writer.rows, is_whole=True)


def _finish(takeout_id: int, account: Account) -> None:
    takeout = db.session.get_one(Takeout, takeout_id, populate_existing=True)
    takeout.state, takeout.finished_at = "finished", now()
    takeout.remove_at = now() + KEPT
    takeout.expected = takeout.rows
    _tell(takeout, account, "takeout_ready")


def _tell(takeout: Takeout, account: Account, kind: str) -> None:
    """Whoever asked, while they own the account; else all owners."""
    url = f"{settings.get().BASE_URL}/settings/take-out"
    about: dict[str, Any] = {"url": url, "takeout": takeout}
    asked = db.session.scalar(
        sa.select(Member)
        .join(Membership, Membership.member_id == Member.id)
        .where(
            Membership.account_id == account.id, Membership.role == "owner",
            Member.id == takeout.member_id,
        )
    )  # fmt: skip
    if asked is None:
        owners.tell(account.id, kind, **about)
        return
    notices.queue(kind, asked.email, account=account, person=asked.name, **about)


def _fail(takeout_id: int, error: Exception) -> None:
    log.error("take-out %d stopped: %s", takeout_id, type(error).__name__)
    told = str(NoRoom()) if is_for_want_of_room(error) else "Something broke on our side."
    takeout = db.session.get(Takeout, takeout_id, populate_existing=True)
    if takeout is None:
        return
    # The file goes first: on a full disk, the row needs room as well.
    archive.remove(files.path_of(files.OUT, takeout.stored_as))
    with transaction():
        takeout = db.session.get_one(Takeout, takeout_id, populate_existing=True)
        takeout.state, takeout.error, takeout.lease = "failed", told, None
        _tell(takeout, db.session.get_one(Account, takeout.account_id), "takeout_failed")


def path(takeout: Takeout) -> Path:
    """The finished file. Raises WrongState when there is none any more."""
    found = files.path_of(files.OUT, takeout.stored_as)
    if takeout.state != "finished" or not found.exists():
        raise WrongState("This file is not here any more. Make a new take-out.")
    return found


def remove(account: Account, member: Member, takeout: Takeout) -> None:
    """The owner wants the file gone, or the making of it ended."""
    auditing.note(account, member, "takeout.remove", f"take-out {takeout.id}")
    _forget(takeout)


def _forget(takeout: Takeout) -> None:
    takeout.state, takeout.lease, takeout.remove_at = "removed", None, None
    archive.remove(files.path_of(files.OUT, takeout.stored_as))


def remove_old() -> int:
    """Remove files whose time is over, and those that no row knows; returns how many."""
    with transaction():
        old = db.session.scalars(
            sa.select(Takeout).where(Takeout.state == "finished", Takeout.remove_at < now())
        ).all()
        for takeout in old:
            _forget(takeout)
    return len(old) + _remove_strays()


def _remove_strays() -> int:
    """Of accounts that were closed: their rows are gone."""
    names = {path.stem for path in files.folder(files.OUT).iterdir()}
    kept = {
        name.removesuffix(".zip")
        for name in db.session.scalars(
            sa.select(Takeout.stored_as).where(Takeout.state.in_(("finished", *OPEN_OUT)))
        )
    }
    strays = {name.partition(".")[0] for name in names} - kept
    for name in strays:
        archive.remove(files.path_of(files.OUT, f"{name}.zip"))
    return len(strays)
