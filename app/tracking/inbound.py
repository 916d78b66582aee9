"""Mail that comes back to us: people who leave by mail, and bounces.

The mail door writes each into a file of `inbound/` (its first line: sender and recipients as JSON,
then the message). A file is claimed by renaming it, acted upon, and removed. Addresses are signed,
so that nobody can take others out or make them bounce; what fits nothing goes to `inbound/odd/`,
the newest so many of it.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from email import policy
from email.parser import BytesHeaderParser
from pathlib import Path

import sqlalchemy as sa

from app.core import settings
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import NotFound
from app.core.tokens import BadToken, Purpose, hashed, read_from_address
from app.delivery import bounces
from app.delivery.models import Delivery, Event
from app.tracking import leaving
from app.tracking.counting import Counts, insert
from app.tracking.models import Intake

log = logging.getLogger(__name__)

#: A claim whose worker died is given back after this.
STALE_S = 300
MOST_ODD = 500
MOST_AT_ONCE = 200
LARGEST_BYTES = 10_000_000
RETURNS = ("bounce", "complaint")


@dataclass(frozen=True)
class Inbound:
    """One mail as the door took it."""

    sender: str
    """The envelope's; empty for bounces."""
    to: tuple[str, ...]
    data: bytes


def take_mail() -> int:
    """Work what has come in; returns how many mails. Several at once do no harm."""
    folder = settings.get().LEADERSEND_HOME / "inbound"
    if not folder.is_dir():
        return 0
    _give_back(folder)
    waiting = sorted(folder.glob("*.eml"))[:MOST_AT_ONCE]
    return sum(_take(path) for path in waiting)


def _give_back(folder: Path) -> None:
    """Files whose worker died in the middle are free again."""
    for claimed in folder.glob("*.eml.*"):
        try:
            if time.time() - claimed.stat().st_ctime > STALE_S:
                claimed.rename(claimed.with_suffix(""))
        except FileNotFoundError:
            continue


def _take(path: Path) -> int:
    claimed = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        path.rename(claimed)
    except FileNotFoundError:
        return 0
    found = _read(claimed)
    try:
        results = Counter(_act_once(path.name, recipient, found) for recipient in found.to)
    except sa.exc.OperationalError:
        claimed.rename(path)  # the database is busy or away; the next tick comes back to it
        raise
    except Exception:
        _set_aside(claimed, path.name)  # one that breaks us must not hold up the others
        raise
    if results["odd"] or not found.to:
        _set_aside(claimed, path.name)
    else:
        claimed.unlink(missing_ok=True)
    _forget_marks(path.name, found)
    return 1


def _read(path: Path) -> Inbound:
    with path.open("rb") as file:
        first = file.readline(100_000)
        data = file.read(LARGEST_BYTES)
    try:
        envelope = json.loads(first)
        to = tuple(dict.fromkeys(str(address) for address in list(envelope["to"])[:100]))
        return Inbound(str(envelope.get("from") or ""), to, data)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Inbound("", (), b"")


def _act_once(name: str, recipient: str, found: Inbound) -> str:
    """Act for one recipient; what became of it. A file taken twice counts once."""
    with transaction(patience_s=5.0):
        if not _is_first(_mark(name, recipient)):
            return "done"
        result = _act(recipient, found)
        if result == "forged":
            _count_forged()
        return result


def _act(recipient: str, found: Inbound) -> str:
    local = recipient.rpartition("@")[0]
    kind, plus, token = local.partition("+")
    act = {"u": _leave, "b": _bounce}.get(kind.lower())
    if not plus or act is None:
        return "odd"
    purpose = Purpose.UNSUBSCRIBE if kind.lower() == "u" else Purpose.BOUNCE
    try:
        numbers = read_from_address(purpose, token)
    except (BadToken, ValueError):
        return "forged"
    return act(numbers, found)


def _leave(numbers: tuple[int, ...], found: Inbound) -> str:
    if is_automatic(found):
        return "automatic"
    try:
        guest = leaving.visit_of(numbers)
    except NotFound:
        return "gone"
    leaving.leave(guest, source="mail")
    return "left"


def is_automatic(found: Inbound) -> bool:
    """Whether a program wrote it: a bounce, an absence note (RFC 3834)."""
    if found.sender in ("", "<>"):
        return True
    headers = BytesHeaderParser(policy=policy.compat32).parsebytes(found.data)
    return not str(headers.get("Auto-Submitted") or "no").strip().lower().startswith("no")


def _bounce(numbers: tuple[int, ...], found: Inbound) -> str:
    if len(numbers) != 1 or db.session.get(Delivery, numbers[0]) is None:
        return "gone"
    delivery_id = numbers[0]
    before = _last_event(delivery_id)
    bounces.take(delivery_id, found.data)
    db.session.flush()
    _count_returns(delivery_id, after=before)
    return "bounced"


def _last_event(delivery_id: int) -> int:
    return (
        db.session.scalar(sa.select(sa.func.max(Event.id)).where(Event.delivery_id == delivery_id))
        or 0
    )


def _count_returns(delivery_id: int, *, after: int) -> None:
    """Delivery writes the Event; the counters that reports read are kept here."""
    events = db.session.scalars(
        sa.select(Event).where(
            Event.delivery_id == delivery_id, Event.id > after, Event.kind.in_(RETURNS)
        )
    ).all()
    count_returns(events)


def count_returns(events: Iterable[Event]) -> None:
    """Add bounces and complaints, written as Events just now, to the kept counters."""
    counts = Counts()
    for event in events:
        verdict = event.verdict or ""
        counts.hit(event.campaign_id, event.kind, verdict, at=event.at)
        counts.person(event.campaign_id, event.kind, verdict)
    counts.write()


def _is_first(mark: str) -> bool:
    """Whether this mail was not acted upon before."""
    claimed = db.session.execute(
        insert(Intake)
        .values(name=mark, cursor="", at=now())
        .on_conflict_do_nothing()
        .returning(Intake.name)
    ).first()
    return claimed is not None


def _mark(name: str, recipient: str) -> str:
    return f"mail {hashed(f'{name} {recipient}')}"


def _forget_marks(name: str, found: Inbound) -> None:
    """The file is gone, so nothing has to say any more that it was acted upon."""
    marks = [_mark(name, recipient) for recipient in found.to]
    if marks:
        with transaction():
            db.session.execute(sa.delete(Intake).where(Intake.name.in_(marks)))


def _count_forged() -> None:
    """How many came to addresses that we never gave out."""
    log.warning("inbound mail to a forged or cut address")
    more = sa.cast(sa.cast(Intake.cursor, sa.Integer) + 1, sa.String)
    db.session.execute(
        insert(Intake)
        .values(name="forged", cursor="1", at=now())
        .on_conflict_do_update(index_elements=["name"], set_={"cursor": more, "at": now()})
    )


def _set_aside(claimed: Path, name: str) -> None:
    """Keep what fits nothing for the operator, the newest so many."""
    odd = claimed.parent / "odd"
    odd.mkdir(exist_ok=True)
    claimed.rename(odd / name)
    kept = sorted(odd.iterdir(), key=lambda path: path.stat().st_mtime)
    for old in kept[:-MOST_ODD]:
        old.unlink(missing_ok=True)
