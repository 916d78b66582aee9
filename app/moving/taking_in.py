"""A taken-out account into one that is here: looked at first, asked about, then stored in turns.

Nothing is changed before the owner has seen what will happen. Each chunk is one transaction that
also saves where to go on, so that a crash repeats at most a chunk that was never stored; the same
file taken in twice adds nothing the second time.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import sqlalchemy as sa

from app.accounts import auditing
from app.accounts.models import Account, Member
from app.contacts import houses
from app.contacts.text import clean_line
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import DomainError, Invalid, WrongState
from app.core.room import kept
from app.moving import (
    account_in,
    campaigns_in,
    choice_in,
    files,
    leasing,
    looking,
    people_in,
    permission_in,
    signup_in,
    sorting_in,
)
from app.moving.leasing import BUDGET_S, LEASE, Beat, Overtaken
from app.moving.models import OPEN_IN, Takein
from app.moving.package import Package
from app.moving.steps import MOST_PROBLEMS, Into, Step

log = logging.getLogger(__name__)

LIMIT_BYTES = 1 << 33
WORKED = ("looking", "queued", "running")


class TooLarge(DomainError):
    """More than is taken."""

    status = 413

    def __init__(self) -> None:
        super().__init__("The file is larger than 8 GB. Ask whoever runs this LeaderSend.")


class UnderWay(WrongState):
    """One after the other."""

    def __init__(self) -> None:
        super().__init__("Another file is being taken in. Wait until it is done, or drop it.")


def stage(account: Account, member: Member | None, file: BinaryIO, filename: str) -> Takein:
    """Keep an uploaded file, committed; enqueue after it. Raises NoTakeout, UnderWay, NoRoom.

    Call it outside of a transaction: a large file takes its time.
    """
    houses.refuse(account)
    if _open(account.id) is not None:
        raise UnderWay
    stored_as = files.new_name()
    path = files.path_of(files.IN, stored_as)
    with kept(path):
        _receive(file, path)
        about = _about(path)
        with transaction():
            return _row(account, member, stored_as, filename, about)


def _receive(file: BinaryIO, path: Path) -> None:
    size = 0
    with path.open("xb") as target:
        path.chmod(0o600)
        while block := file.read(1 << 20):
            size += len(block)
            if size > LIMIT_BYTES:
                raise TooLarge
            target.write(block)


def _about(path: Path) -> dict[str, Any]:
    with Package(path) as package:
        manifest = package.manifest
        account = manifest["account"]
        return {
            "name": clean_line(str(account.get("name", ""))),
            "made_at": clean_line(str(manifest.get("made_at", ""))),
            "rows": sum(one.get("rows", 0) for one in manifest["files"]),
            "bytes": sum(one["bytes"] for one in manifest["files"]),
        }


def _row(
    account: Account, member: Member | None, stored_as: str, filename: str, about: dict[str, Any]
) -> Takein:
    takein = Takein(
        account_id=account.id, member_id=member.id if member else None, stored_as=stored_as,
        filename=clean_line(Path(filename.replace("\\", "/")).name, 255) or "take-out.zip",
        size_bytes=files.path_of(files.IN, stored_as).stat().st_size, about=about,
        expected=about["bytes"],
    )  # fmt: skip
    try:
        with db.session.begin_nested():
            db.session.add(takein)
    except sa.exc.IntegrityError:
        raise UnderWay from None
    return takein


def _open(account_id: int) -> int | None:
    return db.session.scalar(
        sa.select(Takein.id).where(Takein.account_id == account_id, Takein.state.in_(OPEN_IN))
    )


def start(account: Account, member: Member | None, takein: Takein) -> None:
    """The owner has seen what will happen and wants it. Enqueue after it."""
    moved = _move(takein, ("ready",), to="queued", cursor={}, rows=0, lease=None,
                  expected=takein.about["rows"])  # fmt: skip
    if not moved:
        raise WrongState("This file is not waiting for a yes.")
    auditing.note(account, member, "takein.start", f"take-in {takein.id}")


def drop(takein: Takein) -> None:
    """The owner does not want it. What a run has stored already stays."""
    if _move(takein, OPEN_IN, to="dropped", lease=None):
        files.path_of(files.IN, takein.stored_as).unlink(missing_ok=True)


def _move(takein: Takein, states: tuple[str, ...], *, to: str, **values: Any) -> bool:
    moved = db.session.execute(
        sa.update(Takein)
        .where(Takein.id == takein.id, Takein.state.in_(states))
        .values(state=to, **values)
        .returning(Takein.id)
        .execution_options(synchronize_session=False)
    ).scalar()
    db.session.expire(takein)
    return moved is not None


def run(takein_id: int, *, budget_s: float = BUDGET_S) -> bool:
    """Go on for about so many seconds; True when there is more to do.

    Harmless when another worker has it. What nobody expects marks it as failed and is raised.
    """
    with transaction():
        lease = leasing.claim(Takein, takein_id, WORKED)
    if lease is None:
        return False
    try:
        return _work(takein_id, lease, budget_s)
    except Overtaken:
        return False
    except sa.exc.OperationalError:
        raise  # the database is busy, away or full: the sweep takes it up again
    except Exception as error:
        db.session.rollback()
        _fail(takein_id, error)
        if isinstance(error, Invalid):
            return False
        raise


def _work(takein_id: int, lease: str, budget_s: float) -> bool:
    takein = db.session.get_one(Takein, takein_id, populate_existing=True)
    beat = Beat(Takein, takein_id, lease, budget_s=budget_s)
    with Package(files.path_of(files.IN, takein.stored_as)) as package:
        if takein.state == "looking":
            return looking.look(takein, package, lease, beat)
        return _store(takein, package, lease, beat)


def _store(takein: Takein, package: Package, lease: str, beat: Beat) -> bool:
    into = _into(takein, package)
    at = dict(takein.cursor)
    names = [step.name for step in steps(package)]
    begin = names.index(at["step"]) if at else 0
    offset, rows = at.get("offset", 0), takein.rows
    for step in list(steps(package))[begin:]:
        for some, end in step.chunks(into, offset):
            with transaction(bulk=True):
                rows += step.do(into, some)
                _save(into, lease, rows, {"step": step.name, "offset": end})
            del some  # before the next one comes
            if beat.is_over():
                return _hand_on(takein.id, lease)
        offset = 0
    with transaction():
        into.forget()
        leasing.move(Takein, takein.id, lease, state="finished", finished_at=now(), lease=None)
    files.path_of(files.IN, takein.stored_as).unlink(missing_ok=True)
    return False


def _into(takein: Takein, package: Package) -> Into:
    account = db.session.get_one(Account, takein.account_id)
    counts = {kind: Counter(found) for kind, found in takein.counts.items()}
    return Into(
        takein.id, account, package, takein.member_id, counts, list(takein.problems),
        at=takein.created_at,
    )  # fmt: skip


def _save(into: Into, lease: str, rows: int, cursor: dict[str, Any]) -> None:
    """Where to go on, in the transaction of what was stored. Raises Overtaken."""
    leasing.move(
        Takein, into.takein_id, lease, state="running", cursor=cursor, rows=rows,
        counts={kind: dict(found) for kind, found in into.counts.items()},
        problems=into.problems[:MOST_PROBLEMS], lease_until=now() + LEASE,
    )  # fmt: skip


def _hand_on(takein_id: int, lease: str) -> bool:
    with transaction():
        leasing.move(Takein, takein_id, lease, lease=None, lease_until=None)
    return True


def steps(package: Package) -> Iterator[Step]:
    """All of it, in an order in which everything is there before something refers to it."""
    yield Step("business", run=account_in.business)
    yield Step("fields", run=people_in.own_fields)
    yield Step("tags", run=sorting_in.tags)
    yield from _table(package, "lists.csv", sorting_in.lists)
    # Before anybody comes in: nobody must be mailable for a moment who must not be.
    yield Step("keys", run=permission_in.keys)
    yield from _table(package, "suppressions.csv", permission_in.barred)
    yield Step("erased", find=permission_in.erased_there, take=permission_in.bar_erased)
    yield from _table(package, "imports.jsonl", sorting_in.imports)
    yield from _table(package, "import_problems.csv", sorting_in.import_problems)
    yield from _document(package, "domains.json", sorting_in.domains)
    yield from _document(package, "preferences.json", choice_in.preferences)
    yield from _table(package, "signup_forms.jsonl", signup_in.forms)
    yield from _table(package, "signup_form_versions.jsonl", signup_in.versions)
    yield from _table(package, "contacts.csv", people_in.contacts)
    yield from _table(package, "wishes.csv", choice_in.wishes)
    for number in package.campaigns():
        yield Step(f"campaign {number}", run=partial(campaigns_in.campaign, number=number))
    yield from _table(package, "segments.jsonl", sorting_in.segments)
    for number in package.campaigns():
        yield Step(f"audience {number}", run=partial(campaigns_in.audience, number=number))
    yield from _table(package, "subscriptions.csv", people_in.subscriptions)
    yield from _table(package, "consents.jsonl", permission_in.consents)
    yield from _table(package, "channels.csv", people_in.channels)
    yield from _table(package, "changes.jsonl", people_in.changes)
    for number in package.campaigns():
        yield from _archive(package, number)


def _archive(package: Package, number: int) -> Iterator[Step]:
    archive, folder = campaigns_in.Archive(number), f"campaigns/{number}"
    yield from _table(package, f"{folder}/links.csv", archive.links)
    yield from _table(package, f"{folder}/deliveries.csv", archive.deliveries)
    yield from _table(package, f"{folder}/events.csv", archive.events)
    yield from _table(package, f"{folder}/diary.csv", archive.diary)
    yield Step(f"report {number}", run=archive.report)
    yield Step(f"forget {number}", run=archive.forget)


def _table(package: Package, name: str, take: Any) -> Iterator[Step]:
    for piece in package.pieces(name):
        yield Step(piece, piece, take=take)


def _document(package: Package, name: str, run: Any) -> Iterator[Step]:
    """Older take-outs do not have it."""
    if name in package.files:
        yield Step(name, run=run)


def _fail(takein_id: int, error: Exception) -> None:
    log.error("take-in %d stopped: %s", takein_id, type(error).__name__)
    told = str(error) if isinstance(error, Invalid) else "Something broke on our side."
    with transaction():
        takein = db.session.get(Takein, takein_id, populate_existing=True)
        if takein is None or takein.state not in WORKED:
            return
        if takein.state != "looking":
            told += " What came before it is stored; the same file can be taken in again."
        takein.state, takein.error, takein.lease = "failed", told, None
        stored_as = takein.stored_as
    files.path_of(files.IN, stored_as).unlink(missing_ok=True)


def remove_old() -> int:
    """Remove files that no row waits for; returns how many."""
    kept = set(db.session.scalars(sa.select(Takein.stored_as).where(Takein.state.in_(OPEN_IN))))
    strays = [path for path in files.folder(files.IN).iterdir() if path.name not in kept]
    # Somebody may be uploading one right now, whose row comes when it is whole.
    old = [path for path in strays if path.stat().st_mtime < now().timestamp() - 86_400]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)
