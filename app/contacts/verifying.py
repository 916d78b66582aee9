"""Whether the record of consents is what was sealed: every entry hashed anew, seal after seal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import undefer

from app.accounts.models import Account
from app.contacts import canon, guarding
from app.contacts.models import Consent, ConsentCheck, ConsentSeal
from app.core import books
from app.core.clock import now
from app.core.db import db, transaction
from app.core.guarding import are_in_place

#: As many entries are verified while somebody waits for the page.
AT_ONCE = 20_000
#: Seals read together.
SEALS = 64


@dataclass(frozen=True)
class Problem:
    """The first thing that is not as it was sealed."""

    seal: int
    """Its number."""
    entry: int | None
    """The consent's id; None where the seal itself is wrong."""
    words: str


@dataclass(frozen=True)
class Result:
    """What verifying one account found."""

    account: int
    entries: int
    """Sealed entries that were verified; up to the problem, where there is one."""
    erased: int
    """Of those, emptied ones: only their digest is left."""
    unsealed: int
    """Entries that no seal holds yet."""
    seals: int
    head: str
    """Hash of the last seal verified; note it elsewhere, and nothing under it can be changed
    unseen. Empty where nothing is sealed."""
    problem: Problem | None = None

    def to_json(self) -> dict[str, Any]:
        """As the command prints it."""
        return {**asdict(self), "sound": self.problem is None}


def accounts() -> Sequence[int]:
    """All there are, but for those whose records are being erased just now."""
    return db.session.scalars(_whole().order_by(Account.id)).all()


def _whole() -> sa.Select[int]:
    return sa.select(Account.id).where(Account.erased_since.is_(None))


def is_guarded() -> bool:
    """Whether the triggers are there that refuse changes."""
    return are_in_place(guarding.GUARDS)


def verify(account_id: int) -> Result:
    """Walk an account's whole chain. Reads only; some 10 µs an entry."""
    entries, erased, seals, head, last_id = 0, 0, 0, "", 0
    problem: Problem | None = None
    for seal in _seals(account_id):
        rows = _rows(account_id, after=last_id, until=seal.last_id)
        problem = _wrong_with_seal(seal, number=seals + 1, before=head)
        problem = problem or _wrong_with_rows(seal, rows)
        if problem:
            break
        entries, seals = entries + len(rows), seals + 1
        erased += sum(row[-1] is not None for row in rows)
        head, last_id = seal.hash, seal.last_id
    unsealed = 0 if problem else _unsealed(account_id, last_id)
    return Result(account_id, entries, erased, unsealed, seals, head, problem)


def holds(account_id: int, known_head: str) -> bool:
    """Whether a hash that was noted earlier is the hash of one of the account's seals."""
    query = sa.select(ConsentSeal.id).where(
        ConsentSeal.account_id == account_id, ConsentSeal.hash == known_head.strip().lower()
    )
    return db.session.scalar(query) is not None


def check(account_id: int) -> Result:
    """Verify, and keep what came of it for the page. In transactions of its own."""
    result = verify(account_id)
    db.session.rollback()
    with transaction():
        if db.session.scalar(_whole().where(Account.id == account_id)) is None:
            return result  # of what is half gone, nothing is said
        row = _check_row(account_id)
        row.asked_at, row.at = None, now()
        row.entries, row.seals, row.head = result.entries, result.seals, result.head
        row.problem = result.problem.words if result.problem else ""
    return result


def ask(account_id: int) -> None:
    """Have it verified in the background."""
    _check_row(account_id).asked_at = now()


def asked() -> Sequence[int]:
    """Accounts that wait to be verified."""
    query = sa.select(ConsentCheck.account_id).where(
        ConsentCheck.asked_at.is_not(None), ConsentCheck.account_id.in_(_whole())
    )
    return db.session.scalars(query.order_by(ConsentCheck.asked_at)).all()


def _check_row(account_id: int) -> ConsentCheck:
    found = db.session.get(ConsentCheck, account_id, with_for_update=True)
    if found is None:
        found = ConsentCheck(account_id=account_id)
        db.session.add(found)
    return found


def _seals(account_id: int) -> Iterator[ConsentSeal]:
    after = 0
    while True:
        some = db.session.scalars(
            sa.select(ConsentSeal)
            .where(ConsentSeal.account_id == account_id, ConsentSeal.number > after)
            .order_by(ConsentSeal.number)
            .limit(SEALS)
            .options(undefer(ConsentSeal.marks))
            .execution_options(populate_existing=True)
        ).all()
        if not some:
            return
        yield from some
        after = some[-1].number
        for seal in some:
            db.session.expunge(seal)


def _rows(account_id: int, *, after: int, until: int) -> Sequence[sa.Row[Any]]:
    query = (
        sa.select(*canon.COLUMNS)
        .where(Consent.account_id == account_id, Consent.id > after, Consent.id <= until)
        .order_by(Consent.id)
    )
    return db.session.connection().execute(query).all()


def _unsealed(account_id: int, last_id: int) -> int:
    query = sa.select(sa.func.count()).where(Consent.account_id == account_id, Consent.id > last_id)
    return db.session.scalar(query) or 0


def _wrong_with_seal(seal: ConsentSeal, *, number: int, before: str) -> Problem | None:
    if seal.number != number:
        return Problem(number, None, f"Seal {number} is missing.")
    if seal.hash != canon.seal_hash(seal):
        return Problem(number, None, f"Seal {number} was altered.")
    if seal.before != before:
        return Problem(number, None, f"Seal {number} does not follow the seal before it.")
    return None


def _wrong_with_rows(seal: ConsentSeal, rows: Sequence[sa.Row[Any]]) -> Problem | None:
    hashes = canon.leaves(rows)
    if rows and canon.root_of(hashes) == seal.root and len(rows) == seal.entries:
        return None
    marks = dict(canon.read_marks(seal.marks))
    there = dict(zip([int(row[0]) for row in rows], hashes, strict=True))
    for consent_id in sorted(marks.keys() | there.keys()):
        words = _wrong_with(consent_id, marks.get(consent_id), there.get(consent_id))
        if words:
            return Problem(seal.number, consent_id, words)
    return Problem(
        seal.number, None, f"Something under seal {seal.number} was altered, and so were its marks."
    )


def _wrong_with(consent_id: int, mark: bytes | None, leaf: bytes | None) -> str:
    if leaf is None:
        return f"Entry {consent_id} is missing."
    if mark is None:
        return f"Entry {consent_id} was put in after its place was sealed."
    if leaf[: canon.MARK_BYTES] != mark:
        return f"Entry {consent_id} was altered after it was sealed."
    return ""


def _verdict(account_id: int | None) -> books.Verdict:
    if account_id is None:
        raise ValueError("Every consent belongs to an account.")
    found = verify(account_id)
    wrong = found.problem
    return books.Verdict(
        BOOK.name, account_id, found.entries, found.unsealed, found.head,
        row=wrong.entry if wrong else None, problem=wrong.words if wrong else "",
    )  # fmt: skip


#: For whoever verifies everything there is.
BOOK = books.Book(
    name="consents",
    words="the record of consents",
    accounts=accounts,
    verify=_verdict,
    is_guarded=is_guarded,
    holds=lambda account_id, known: account_id is not None and holds(account_id, known),
)
