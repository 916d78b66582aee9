"""Files that a new account brings are looked at before anybody of them is taken in.

Bought and gathered lists show: desks instead of people, throw-away mailboxes, domains that are
none, addresses made to catch those who gather, people whom others must not mail. Such a file is
held with the numbers that speak against it, until the operator has read the owner's answer.
Nobody of it is in the account meanwhile, so nobody of it can be mailed.

Accounts that the operator vouched for are not looked at.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from app.accounts import auditing, ladder, owners
from app.accounts.models import Account, Member
from app.contacts import domain_lists, importing, marks, suppressions, uploads
from app.contacts.models import Import, ImportReview, Suppression
from app.contacts.reading import Rows
from app.contacts.rows import Person
from app.contacts.text import ROLES
from app.core import settings
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid, WrongState
from app.core.owning import owned
from app.mailer.lookup import Away, Find, Resolver

#: Rows that are looked at; larger files of new accounts are held for their size alone.
ROWS = 100_000
#: Fewer rows do no harm that the brakes would not stop.
FEWEST = 200
#: Shares from which a file is held.
ROLE, DISPOSABLE, TYPOS, TRAPS, NOWHERE, OTHERS = 0.15, 0.03, 0.10, 0.005, 0.10, 0.05
#: Addresses compared with what other accounts must not mail, and how many accounts are asked.
COMPARED, ACCOUNTS = 400, 100
DOMAINS = 24
SAMPLES = 8
#: Made to be found by programs that gather addresses, or never anybody's: no letter was ever asked.
_TRAP = re.compile(
    r"(?:spam.?trap|honey.?pot|spam.?bait|abuse|no.?reply|do.?not.?reply|nospam|remove.?this"
    r"|[bcdfghjklmnpqrstvwxz]{9,}|[0-9a-f]{16,})"
)
_RESERVED = re.compile(r"(?:^|\.)(?:example(?:\.(?:com|net|org))?|test|invalid|localhost)$")


@dataclass
class Look:
    """What was counted in the rows that were read."""

    rows: int = 0
    bytes: int = 0
    is_whole: bool = False
    role: int = 0
    disposable: int = 0
    typos: int = 0
    traps: int = 0
    domains: Counter[str] = field(default_factory=Counter)
    addresses: list[str] = field(default_factory=list)
    """Some, spread over the file, to be compared by their hashes."""
    bad: list[str] = field(default_factory=list)


def look(import_id: int, *, resolver: Callable[[], Find] | None = None) -> bool:
    """Hold a file that speaks against itself; True when it is held.

    Call it before the first row is taken in, outside of a transaction: it asks DNS.
    """
    import_ = db.session.get_one(Import, import_id, populate_existing=True)
    account = db.session.get_one(Account, import_.account_id)
    if import_.state != "queued" or import_.rows or import_.mode == "block":
        return False
    if not ladder.applies(account) or _was_reviewed(import_id):
        return False
    seen = _read(import_)
    size = _size(import_.size_bytes, seen)
    db.session.rollback()
    findings = _judged(account.id, seen, size, resolver or Resolver)
    if not findings:
        return False
    with transaction():
        return _hold(import_id, findings, seen)


def of_people(
    account: Account,
    chunks: Iterable[Sequence[Person]],
    size: int,
    *,
    resolver: Callable[[], Find] | None = None,
) -> list[dict[str, str]]:
    """What speaks against people who come another way than by a file of contacts: [{code, words}].

    `size` is how many there are; as many of them are read as of a file. Nothing where no step of
    the ladder limits the account. Call it outside of a transaction: it asks DNS.
    """
    if ladder.holds(account.id) is None:
        return []
    seen = Look()
    for people in chunks:
        _count(seen, people)
        seen.rows += len(people)
        db.session.rollback()  # nothing is held while the file is read
        if seen.rows >= ROWS:
            break
    return _judged(account.id, seen, max(size, seen.rows), resolver or Resolver)


def _judged(
    account_id: int, seen: Look, size: int, resolver: Callable[[], Find]
) -> list[dict[str, str]]:
    most = ladder.import_rows(account_id)
    db.session.rollback()
    findings = _findings(account_id, seen, resolver) if seen.rows >= FEWEST else []
    db.session.rollback()
    if most is not None and size > most:
        findings.append(_finding("size", f"The file has about {size:,} rows. An account at this "
                                 f"step brings {most:,} at once without a look."))  # fmt: skip
    return findings


def _was_reviewed(import_id: int) -> bool:
    query = sa.select(ImportReview.id).where(ImportReview.import_id == import_id)
    return db.session.scalar(query) is not None


def _read(import_: Import) -> Look:
    reader, seen = importing.reader_of(import_), Look()
    path, dialect = importing.file_of(import_), import_.dialect
    db.session.rollback()  # nothing is held while the file is read
    with Rows(path, dialect) as found:
        records = importing.after_header(import_, found)
        while seen.rows < ROWS:
            chunk = importing.read_chunk(records, reader)
            _count(seen, chunk.people)
            seen.rows += chunk.rows
            if chunk.rows < importing.CHUNK:
                seen.is_whole = True
                break
        seen.bytes = found.offset
    return seen


def _count(seen: Look, people: Sequence[Person]) -> None:
    found = marks.look(people)
    seen.role += found["role"]
    seen.disposable += found["disposable"]
    seen.typos += sum(found["typos"].values())
    thrown = domain_lists.disposable()
    for person in people:
        domain = person.address.rpartition("@")[2]
        seen.domains[domain] += 1
        is_trap = _TRAP.search(person.local.lower()) is not None
        seen.traps += is_trap
        is_bad = is_trap or domain in thrown or person.local.lower() in ROLES
        if is_bad and len(seen.bad) < SAMPLES:
            seen.bad.append(masked(person.address))
    step = max(1, len(people) // COMPARED)
    seen.addresses += [person.address for person in people[::step]][:COMPARED]


def _size(size_bytes: int, seen: Look) -> int:
    """Rows of the whole file, from its size where not all of it was read."""
    if seen.is_whole or not seen.bytes:
        return seen.rows
    return max(seen.rows, int(seen.rows * size_bytes / seen.bytes))


def masked(address: str) -> str:
    """As staff see it: enough to recognise a pattern, too little to write to."""
    local, _, domain = address.rpartition("@")
    name, _, rest = domain.rpartition(".")
    return f"{local[:1]}•••@{name[:1]}•••.{rest}"


def _findings(account_id: int, seen: Look, resolver: Callable[[], Find]) -> list[dict[str, str]]:
    found = []
    for code, n, share, words in (
        ("role", seen.role, ROLE, "are desks such as info@ or sales@, whom nobody signs up"),
        ("disposable", seen.disposable, DISPOSABLE, "are throw-away mailboxes"),
        ("typos", seen.typos, TYPOS, "have a mistyped domain: nobody confirmed them"),
        ("traps", seen.traps, TRAPS, "look like addresses made to catch senders"),
        ("nowhere", _nowhere(seen, resolver), NOWHERE, "are at domains that take no mail"),
    ):
        if n >= 5 and n >= share * seen.rows:
            found.append(_finding(code, f"{n:,} of {seen.rows:,} ({n / seen.rows:.0%}) {words}."))
    compared, out = _overlap(account_id, seen)
    if compared and out >= 10 and out >= OTHERS * compared:
        found.append(_finding(
            "others", f"{out:,} of {compared:,} that were compared must not be mailed by several "
            "other senders here, who reached nobody or were complained about.",
        ))  # fmt: skip
    return found


def _finding(code: str, words: str) -> dict[str, str]:
    return {"code": code, "words": words}


def _nowhere(seen: Look, resolver: Callable[[], Find]) -> int:
    """Addresses at domains without a mail server, among the commonest that are no large provider's
    and that DNS knows about; what DNS does not answer speaks for them."""
    own = [
        domain for domain, _ in seen.domains.most_common(4 * DOMAINS)
        if not domain_lists.is_free_mail(domain) and not _RESERVED.search(domain)
    ][:DOMAINS]  # fmt: skip
    if not own:
        return 0
    find, missing = resolver(), 0
    for domain in own:
        try:
            takes_mail = any(find(domain, kind) for kind in ("MX", "A", "AAAA"))
        except Away:
            continue
        missing += 0 if takes_mail else seen.domains[domain]
    return missing


def _overlap(account_id: int, seen: Look) -> tuple[int, int]:
    """How many of some addresses at least two other accounts were told to leave alone, by a bounce
    or a complaint.

    Only the keyed hashes are compared, and only one number leaves: not which address, nor whose.
    """
    some = list(itertools.islice(dict.fromkeys(seen.addresses), COMPARED))
    others = db.session.scalars(
        sa.select(Account.id).where(Account.id != account_id).order_by(Account.id.desc())
        .limit(ACCOUNTS)
    ).all()  # fmt: skip
    known: Counter[int] = Counter()
    for other in others:
        hashes = {suppressions.address_hash(other, one): at for at, one in enumerate(some)}
        found = db.session.scalars(
            sa.select(Suppression.address_hash).where(
                Suppression.account_id == other,
                Suppression.address_hash.in_(list(hashes)),
                Suppression.reason.in_(("bounced", "complaint")),
            )
        )
        known.update(hashes[one] for one in found)
    return len(some), sum(n >= 2 for n in known.values())


def _hold(import_id: int, findings: list[dict[str, str]], seen: Look) -> bool:
    held = db.session.execute(
        sa.update(Import)
        .where(Import.id == import_id, Import.state == "queued", Import.rows == 0)
        .values(state="held", lease_until=None)
        .returning(Import.account_id)
        .execution_options(synchronize_session="fetch")
    ).scalar()
    if held is None:
        return False
    review = ImportReview(
        account_id=held, import_id=import_id, findings=findings, samples=seen.bad,
        looked_at=seen.rows,
    )  # fmt: skip
    db.session.add(review)
    owners.tell(
        held, "standing", title="Your file waits to be looked at",
        lines=["Nobody of it is in your contacts yet. This is why:",
               *(str(finding["words"]) for finding in findings),
               "Tell us where these people come from and how they agreed; somebody reads it."],
        url=f"{settings.get().BASE_URL}/settings/standing", label="Answer",
    )  # fmt: skip
    return True


def review_of(import_: Import) -> ImportReview | None:
    """What was found in a file that was held."""
    return db.session.scalar(sa.select(ImportReview).where(ImportReview.import_id == import_.id))


def of_account(account: Account, limit: int = 20) -> Sequence[tuple[ImportReview, Import]]:
    """Newest first."""
    rows = db.session.execute(
        sa.select(ImportReview, Import)
        .join(Import, Import.id == ImportReview.import_id)
        .where(ImportReview.account_id == account.id)
        .order_by(ImportReview.id.desc())
        .limit(limit)
    ).all()
    return [(row[0], row[1]) for row in rows]


def waiting(limit: int = 50) -> Sequence[tuple[ImportReview, Account]]:
    """Held files of all accounts, oldest first."""
    rows = db.session.execute(
        sa.select(ImportReview, Account)
        .join(Account, Account.id == ImportReview.account_id)
        .where(ImportReview.state == "held")
        .order_by(ImportReview.id)
        .limit(limit)
    ).all()
    return [(row[0], row[1]) for row in rows]


def one(account: Account, review_id: int) -> ImportReview:
    """Raises NotFound."""
    return owned(ImportReview, account.id, review_id, "That file")


def release(review: ImportReview, by: Member, *, words: str = "") -> int:
    """Let the file be taken in; returns the import, to be woken. Raises WrongState."""
    import_ = _decide(review, by, "released", words)
    import_.state = "queued"
    _tell(review, "Your file is being taken in", words or "Thank you for your answer.")
    return import_.id


def refuse(review: ImportReview, by: Member, *, words: str) -> None:
    """Nobody of the file is taken in, and the file goes. Raises Invalid, WrongState."""
    if not words.strip():
        raise Invalid("Say why.", {"words": ["Say why, as the owner will read it."]})
    import_ = _decide(review, by, "refused", words)
    import_.state, import_.error = "failed", f"Not taken in: {words.strip()}"
    uploads.path_of(import_.stored_as).unlink(missing_ok=True)
    _tell(review, "Your file is not taken in", words)


def _decide(review: ImportReview, by: Member, state: str, words: str) -> Import:
    decided = db.session.execute(
        sa.update(ImportReview)
        .where(ImportReview.id == review.id, ImportReview.state == "held")
        .values(
            state=state, decided_at=now(), decided_by_id=by.id, words=words.strip()[:5_000],
            samples=[],
        )
        .returning(ImportReview.id)
        .execution_options(synchronize_session=False)
    ).scalar()  # fmt: skip
    if decided is None:
        raise WrongState("That was decided already.")
    db.session.refresh(review)
    account = db.session.get_one(Account, review.account_id)
    auditing.note(account, by, f"import.{state}", f"import {review.import_id}")
    return db.session.get_one(Import, review.import_id, populate_existing=True)


def _tell(review: ImportReview, title: str, words: str) -> None:
    owners.tell(
        review.account_id, "standing", title=title, lines=[words.strip()],
        url=f"{settings.get().BASE_URL}/contacts/imports/{review.import_id}", label="See the file",
    )  # fmt: skip
