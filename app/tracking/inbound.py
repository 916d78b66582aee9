"""Mail that comes back to us: people who leave by mail, bounces and complaints.

The mail door writes each into a file of `inbound/` (its first line: sender and recipients as JSON,
then the message). Files are claimed by renaming them, read one by one, acted upon some at a time
in one transaction, and removed. Addresses are signed, so that nobody can take others out or make
them bounce; what fits nothing goes to `inbound/odd/`, the newest so many of it.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from app.core import settings, spool
from app.core.db import db, transaction
from app.core.tokens import hashed
from app.delivery.models import Batch, Event
from app.tracking import marking, returns
from app.tracking.models import Intake
from app.tracking.returns import Letter

log = logging.getLogger(__name__)

MOST_ODD = 500
#: Acted upon in one transaction.
AT_ONCE = 40
#: One call ends after this, so that other work of the tick has its turn.
LONGEST_S = 10.0


@dataclass(frozen=True)
class Taken:
    """A claimed file and what it says."""

    path: Path
    """As it was called before it was claimed."""
    claimed: Path
    letter: Letter
    to: tuple[str, ...]

    @property
    def is_to_a_person(self) -> bool:
        """Whether people write to that address as well, with words instead of reports."""
        return any(to.lower().startswith("abuse@") for to in self.to)

    @property
    def marks(self) -> list[str]:
        """Names under which it is noted that the file was acted upon."""
        return [f"mail {hashed(f'{self.path.name} {recipient}')}" for recipient in self.to]


def take_mail() -> int:
    """Work what has come in; returns how many mails. Several at once do no harm."""
    folder = settings.get().LEADERSEND_HOME / "inbound"
    if not folder.is_dir():
        return 0
    spool.give_back(folder)
    done, took_s, end = 0, 0.0, time.monotonic() + LONGEST_S
    waiting = sorted(folder.glob("*.eml"))
    for start in range(0, len(waiting), AT_ONCE):
        if took_s and _somebody_sends():
            # Half of the time is left to mail that goes out: a storm of bounces is in no hurry.
            time.sleep(took_s)
        began = time.monotonic()
        if began > end:
            break
        done += _take(waiting[start : start + AT_ONCE])
        took_s = time.monotonic() - began
    return done


def _somebody_sends() -> bool:
    works = db.session.scalar(sa.select(sa.exists().where(Batch.state == "working")))
    db.session.rollback()
    return bool(works)


def _take(paths: list[Path]) -> int:
    taken = [one for path in paths if (one := _claim(path))]
    try:
        results = _act(taken)
    except sa.exc.OperationalError:
        for one in taken:
            one.claimed.rename(one.path)  # the database is busy or away; the next tick comes back
        raise
    for one in taken:
        if results[one.path] == "odd" and one.is_to_a_person:
            _hand_over(one.claimed, one.path.name)
        elif results[one.path] == "odd":
            spool.set_aside(one.claimed, one.path.name, MOST_ODD)
        else:
            one.claimed.unlink(missing_ok=True)
    _forget_marks(taken)
    return len(taken)


def _claim(path: Path) -> Taken | None:
    claimed = spool.claim(path)
    if claimed is None:
        return None
    with claimed.open("rb") as file:
        first = file.readline(100_000)
        data = file.read(returns.LARGEST_BYTES)
    try:
        envelope = json.loads(first)
        to = tuple(dict.fromkeys(str(address) for address in list(envelope["to"])[:100]))
        return Taken(path, claimed, returns.read(str(envelope.get("from") or ""), data), to)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Taken(path, claimed, returns.read("", b""), ())


def _act(taken: list[Taken]) -> dict[Path, str]:
    """What became of each file. A file taken twice counts once."""
    results: dict[Path, str] = {}
    with transaction(patience_s=5.0):
        events: list[Event] = []
        for one in taken:
            results[one.path] = _act_alone(one, events)
        returns.finish(events)
    return results


def _act_alone(one: Taken, events: list[Event]) -> str:
    """In a transaction inside the others': one that breaks us does not hold up the rest."""
    new: list[Event] = []
    try:
        with db.session.begin_nested():
            found = [
                returns.act(recipient, one.letter, new)
                for recipient, mark in zip(one.to, one.marks, strict=True)
                if marking.is_first(mark)
            ]
    except sa.exc.OperationalError:
        raise
    except Exception:
        log.exception("mail set aside: it cannot be worked")
        return "odd"
    events += new
    return "odd" if "odd" in found or not one.to else "done"


def _forget_marks(taken: list[Taken]) -> None:
    """The files are gone, so nothing has to say any more that they were acted upon."""
    marks = [mark for one in taken for mark in one.marks]
    if marks:
        with transaction():
            db.session.execute(sa.delete(Intake).where(Intake.name.in_(marks)))


def _hand_over(claimed: Path, name: str) -> None:
    """To the operator's desk, where people answer."""
    desk = claimed.parent.parent / "desk"
    desk.mkdir(mode=0o700, exist_ok=True)
    claimed.rename(desk / name)
