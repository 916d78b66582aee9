"""Erasing people: what goes at once, and what is found by a sweep within the minute.

At once: the contact with all that hangs on it, the personal part of its consents (whose digests
stay, so that the chain holds), and, where the person is to stay out, everything of the tombstone
but a keyed hash. Then `sweep` looks through whatever else may have copied the address down.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

import sqlalchemy as sa

from app.accounts import auditing
from app.accounts.models import Account, IdempotencyKey, Member, Notice
from app.contacts import canon, suppressions, uploads, writing
from app.contacts.bulk import among
from app.contacts.models import (
    AddressChange,
    BulkAction,
    Consent,
    Contact,
    Erasure,
    Import,
    ImportProblem,
    LeavingReason,
    LinkRequest,
    Merge,
)
from app.core.clock import now
from app.core.db import Base, db, empty_log, transaction

By = Literal["person", "owner", "api"]
#: For the audit.
WAYS = {"person": "by themselves, on their own page", "owner": "by hand", "api": "by a program"}
#: In place of an address in a text that stays.
GONE = "(erased)"
#: Entries emptied in one transaction, and people who are looked for in one passage.
AT_ONCE, TOGETHER = 2000, 20
#: A file that nobody went on with is not waited for any longer.
DRAFT_LIFE = timedelta(days=1)
_TOLD = '{"title": "Gone", "status": 410, "detail": "This person was erased since."}'


@dataclass(frozen=True)
class Place:
    """A table whose texts may hold an address that somebody typed or a server answered."""

    model: type[Base]
    columns: tuple[str, ...]
    of_account: sa.ColumnElement[bool]
    """With the bind parameter `account`."""
    instead: dict[str, Any] = field(default_factory=dict)
    """What the whole row gets; where there is nothing, only the address is taken out."""
    removed: bool = False
    """The whole row goes."""


#: Of a Place's condition.
ACCOUNT = sa.bindparam("account", type_=sa.BigInteger)
PLACES: list[Place] = [
    Place(Notice, ("to_email", "subject", "text", "html"), Notice.account_id == ACCOUNT,
          removed=True),
    Place(ImportProblem, ("row", "reason"),
          ImportProblem.import_id.in_(sa.select(Import.id).where(Import.account_id == ACCOUNT)),
          instead={"row": GONE, "reason": "This person was erased since."}),
    Place(IdempotencyKey, ("body",), IdempotencyKey.account_id == ACCOUNT,
          instead={"body": _TOLD, "status": 410}),
    Place(LinkRequest, ("address",), LinkRequest.account_id == ACCOUNT, removed=True),
    Place(AddressChange, ("email",), AddressChange.account_id == ACCOUNT, removed=True),
    Place(LeavingReason, ("words",), LeavingReason.account_id == ACCOUNT),
    # Whom somebody was merged with: the undo goes, and what is left of them with it.
    Place(Merge, ("was",), Merge.account_id == ACCOUNT, removed=True),
    # What somebody searched for, to do something to whom it found.
    Place(BulkAction, ("selection",), BulkAction.account_id == ACCOUNT,
          instead={"selection": {"text": GONE}}),
]  # fmt: skip


def look_in(*places: Place) -> None:
    """Features above contacts say where they may have copied an address down."""
    PLACES.extend(place for place in places if place not in PLACES)


def erase(
    contact: Contact, *, by: By, keep_out: bool = False, member: Member | None = None
) -> None:
    """Erase one person; see `erase_many`. Who asks for it themselves (`person`) is kept out.

    A line of the audit says that and how it was done, and not whom it was about.
    """
    account = db.session.get_one(Account, contact.account_id)
    erase_many(account.id, [contact.id], by=by, keep_out=keep_out)
    auditing.note(account, member, "contact.erase", WAYS[by])


def erase_many(
    account_id: int, contact_ids: Sequence[int], *, by: By, keep_out: bool = False
) -> int:
    """Erase these contacts of the account; returns how many there were.

    What was mailed still counts, without a person. Who had left, complained or bounced stays out,
    by a keyed hash that cannot be read back; with `keep_out`, everybody does.
    """
    rows = db.session.execute(
        sa.select(Contact.id, Contact.email, Contact.address).where(
            Contact.account_id == account_id, among(Contact.id, list(contact_ids))
        )
    ).all()
    keep_out = keep_out or by == "person"
    for contact_id, email, address in rows:
        stays_out = _entomb(account_id, address, keep_out=keep_out, by=by)
        spellings = sorted({email.lower(), address.lower()})
        db.session.add(
            Erasure(account_id=account_id, by=by, keeps_out=stays_out, spellings=spellings)
        )
        empty(Consent.contact_id == contact_id)
    db.session.flush()
    writing.delete_rows(account_id, [row.id for row in rows])
    return len(rows)


def _entomb(account_id: int, address: str, *, keep_out: bool, by: By) -> bool:
    """Whether a hash, and nothing else, keeps the person out from now on."""
    found = suppressions.find(account_id, address)
    if found is None and keep_out:
        suppressions.add(account_id, address, reason="erased")
        found = suppressions.find(account_id, address)
    if found is None:
        return False
    suppressions.forget_address(found, reason="erased" if by == "person" else "")
    db.session.flush()
    return True


def empty(*which: sa.ColumnElement[bool]) -> int:
    """Take the personal part out of consents and leave its digest; returns of how many."""
    table = Consent.__table__
    query = sa.select(*canon.COLUMNS).where(Consent.proof.is_(None), *which).limit(AT_ONCE)
    connection, done = db.session.connection(), 0
    change = (
        sa.update(Consent)
        .where(table.c.id == sa.bindparam("the_id"), table.c.proof.is_(None))
        .values(
            contact_id=None, address=None, wording="", evidence={},
            proof=sa.bindparam("the_proof", type_=table.c.proof.type),
        )
    )  # fmt: skip
    while rows := connection.execute(query).all():
        proofs = [{"the_id": row[0], "the_proof": canon.entry(row).personal_digest} for row in rows]
        connection.execute(change, proofs)
        done += len(rows)
    return done


def sweep() -> int:
    """Empty consents whose contact went by another way, and finish erasures; returns how many."""
    done = _empty_orphans() + sum(_finish(account_id) for account_id in _accounts_with_work())
    if done:
        empty_log()
    return done


def _empty_orphans() -> int:
    orphan, done = (Consent.contact_id.is_(None), Consent.proof.is_(None)), 0
    while db.session.scalar(sa.select(Consent.id).where(*orphan).limit(1)) is not None:
        ids = db.session.scalars(
            sa.select(Consent.id).where(*orphan).order_by(Consent.id).limit(AT_ONCE)
        ).all()
        with transaction(bulk=True):
            done += empty(Consent.id.between(ids[0], ids[-1]), Consent.contact_id.is_(None))
    return done


def _accounts_with_work() -> Sequence[int]:
    open_ = sa.select(Erasure.account_id).where(Erasure.finished_at.is_(None))
    return db.session.scalars(open_.distinct().order_by(Erasure.account_id)).all()


def _finish(account_id: int) -> int:
    """Look for people through the account's tables and files; those stay open for whom a file is
    being worked on."""
    open_ = db.session.scalars(
        sa.select(Erasure)
        .where(Erasure.account_id == account_id, Erasure.finished_at.is_(None))
        .order_by(Erasure.id)
        .limit(TOGETHER)
    ).all()
    if not open_:
        return 0
    spellings = {spelling for erasure in open_ for spelling in erasure.spellings}
    files, waits = _files(account_id, before=max(erasure.at for erasure in open_))
    ids = [erasure.id for erasure in open_]
    for place in PLACES if spellings else ():
        _scrub(place, account_id, spellings)
    for name in files:
        uploads.path_of(name).unlink(missing_ok=True)
    if waits:
        return 0
    with transaction():
        db.session.execute(
            sa.update(Erasure)
            .where(Erasure.id.in_(ids), Erasure.finished_at.is_(None))
            .values(spellings=[], finished_at=now()),
            execution_options={"synchronize_session": "fetch"},
        )
    return len(ids)


def _files(account_id: int, *, before: Any) -> tuple[list[str], bool]:
    """Uploads that nothing needs any more, and whether others are at work now.

    A file holds many people, and this one may be among them; it was only kept for looking back.
    """
    found = db.session.execute(
        sa.select(Import.stored_as, Import.state, Import.created_at).where(
            Import.account_id == account_id, Import.created_at <= before
        )
    ).all()
    over, waits = [], False
    for stored_as, state, created_at in found:
        is_old = now() - created_at > DRAFT_LIFE
        if state in ("finished", "failed") or (state == "draft" and is_old):
            if uploads.path_of(stored_as).exists():
                over.append(stored_as)
        else:
            waits = True
    return over, waits


def _scrub(place: Place, account_id: int, spellings: set[str]) -> None:
    """Take these addresses out of a table."""
    model: Any = place.model
    columns = [sa.cast(getattr(model, name), sa.Text) for name in place.columns]
    keys = list(sa.inspect(place.model).primary_key)
    likely = sa.or_(*(one.icontains(s, autoescape=True) for one in columns for s in spellings))
    rows = db.session.execute(
        sa.select(*keys, *columns).where(place.of_account, likely), {"account": account_id}
    ).all()
    pattern = _pattern(spellings)
    for row in rows:
        texts = dict(zip(place.columns, row[len(keys) :], strict=True))
        if not any(text and pattern.search(text) for text in texts.values()):
            continue
        same = [key == value for key, value in zip(keys, row, strict=False)]
        with transaction():
            _change(place, same, texts, pattern)


def _change(
    place: Place, same: list[Any], texts: dict[str, str | None], pattern: re.Pattern[str]
) -> None:
    quiet = {"synchronize_session": False}
    if place.removed:
        db.session.execute(sa.delete(place.model).where(*same), execution_options=quiet)
        return
    values = place.instead or {
        name: pattern.sub(GONE, text) for name, text in texts.items() if text
    }
    db.session.execute(
        sa.update(place.model).where(*same).values(**values), execution_options=quiet
    )


def _pattern(spellings: Iterable[str]) -> re.Pattern[str]:
    """An address by itself, not as the end of a longer one."""
    either = "|".join(map(re.escape, sorted(spellings, key=len, reverse=True)))
    return re.compile(rf"(?<![\w.+\-])(?:{either})(?![\w\-]|\.\w)", re.IGNORECASE)
