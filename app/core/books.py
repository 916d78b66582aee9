"""Books: records that are only added to, and the one way to verify them all.

A Chain becomes a book by `of_chain`; whatever is sealed in another way fills in a Book itself.
The factory says which there are (`keep`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from app.core import canonical
from app.core.chaining import HEAD_GUARD, Chain, ChainHead, hash_of, head, link_up, loose
from app.core.clock import now
from app.core.db import db, transaction
from app.core.guarding import are_in_place

#: Rows in memory at a time.
AT_ONCE = 1000
#: Rows that the tick verifies of one chain before it looks at the next.
SLICE = 20_000
LAST_MISSING = "The last entry is missing."
#: Rows verified while somebody waits for the page.
AT_A_CLICK = 50_000
#: A chain is verified anew so long after the last time.
EVERY = timedelta(days=1)


@dataclass(frozen=True)
class Verdict:
    """What verifying one book of one account found."""

    book: str
    account: int | None
    """None: of nobody, the installation's own."""
    entries: int
    """Verified; up to the problem, where there is one."""
    loose: int
    """Entries that have no place yet: some seconds old at most."""
    head: str
    """Hash of the last one verified: note it elsewhere, and nothing before it can be changed
    unseen. Empty where there is none."""
    row: int | None = None
    """Id of the first row that is not as it was written, where it can be told."""
    problem: str = ""
    """In words; empty when everything is as it was written."""

    def to_json(self) -> dict[str, Any]:
        """As the command prints it."""
        return {**asdict(self), "sound": not self.problem}


@dataclass(frozen=True)
class Book:
    """A record that can be verified."""

    name: str
    words: str
    accounts: Callable[[], Sequence[int | None]]
    """Whose there are."""
    verify: Callable[[int | None], Verdict]
    is_guarded: Callable[[], bool]
    """Whether the triggers are there that refuse changes."""
    holds: Callable[[int | None, str], bool]
    """Whether a hash that was noted earlier is in the account's chain."""


_books: list[Book] = []
_chains: list[Chain] = []


def keep(*kept: Chain | Book) -> None:
    """Say which books there are; called once when a process starts."""
    _chains[:] = [one for one in kept if isinstance(one, Chain)]
    _books[:] = [of_chain(one) if isinstance(one, Chain) else one for one in kept]


def all_books() -> Sequence[Book]:
    """In the order they were named."""
    return tuple(_books)


def of_chain(chain: Chain) -> Book:
    """A chain as a book."""
    return Book(
        name=chain.name,
        words=chain.words,
        accounts=lambda: _accounts(chain),
        verify=lambda account_id: verify(chain, account_id),
        is_guarded=lambda: are_in_place((chain.guard, HEAD_GUARD)),
        holds=lambda account_id, known: _holds(chain, account_id, known),
    )


@dataclass
class _Walk:
    """How far verifying has come."""

    number: int = 0
    hash: str = ""
    row: int | None = None
    problem: str = ""
    is_over: bool = False


def verify(chain: Chain, account_id: int | None) -> Verdict:
    """Walk a whole chain, whatever its length in the same memory. Reads only."""
    walk = _Walk()
    last = head(chain, account_id)
    _go_on(walk, chain, account_id, last, limit=None)
    return Verdict(
        chain.name, account_id, walk.number, _loose(chain, account_id), walk.hash,
        walk.row, walk.problem,
    )  # fmt: skip


def check(chain: Chain, account_id: int | None, *, limit: int | None = None) -> ChainHead | None:
    """Verify, and keep what came of it. In transactions of its own; None where nothing is chained.

    With `limit`, go on from where the last call came to, for about so many rows.
    """
    last = head(chain, account_id)
    if last is None:
        return None
    walk = _Walk(last.walked, last.walked_hash) if limit else _Walk()
    _go_on(walk, chain, account_id, last, limit=limit)
    db.session.rollback()
    values: dict[str, Any] = {"walked": walk.number, "walked_hash": walk.hash}
    if walk.is_over:
        values = {"walked": 0, "walked_hash": "", "checked_at": now(), "problem": walk.problem}
        if not walk.problem:
            values |= {"checked_links": walk.number, "checked_hash": walk.hash}
    with transaction():
        db.session.execute(
            sa.update(ChainHead)
            .where(ChainHead.id == last.id)
            .values(values)
            .execution_options(synchronize_session=False)
        )
    return head(chain, account_id)


def tend(*, within_s: float = 5.0) -> int:
    """Link what has no place yet, and verify in slices what is due; returns how much it was.

    Two at a time do no harm: one of them verifies in vain.
    """
    end, done = time.monotonic() + within_s, 0
    for chain in _chains:
        for account_id in loose(chain):
            with transaction():
                done += link_up(chain, account_id)
    for chain, account_id in _due():
        while time.monotonic() < end:
            found = check(chain, account_id, limit=SLICE)
            done += 1
            if found is None or not found.walked:
                break
    return done


def problems() -> Sequence[tuple[str, int | None, str]]:
    """(book, account, what was found) where the last look at a chain was bad."""
    query = sa.select(ChainHead.name, ChainHead.account_id, ChainHead.problem)
    found = db.session.execute(query.where(ChainHead.problem != "").limit(20))
    return [(name, account_id, words) for name, account_id, words in found]


def _due() -> Sequence[tuple[Chain, int | None]]:
    known = {chain.name: chain for chain in _chains}
    query = (
        sa.select(ChainHead.name, ChainHead.account_id)
        .where(
            ChainHead.name.in_(known),
            sa.or_(
                ChainHead.walked > 0,
                ChainHead.checked_at.is_(None),
                ChainHead.checked_at < now() - EVERY,
            ),
        )
        .order_by(ChainHead.checked_at.asc().nulls_first(), ChainHead.id)
        .limit(200)
    )
    return [(known[name], account_id) for name, account_id in db.session.execute(query)]


def _go_on(
    walk: _Walk, chain: Chain, account_id: int | None, last: ChainHead | None, *, limit: int | None
) -> None:
    """Verify from where the walk is, up to `limit` rows further, and say whether it is over."""
    until = last.links if last else 0
    stop = until if limit is None else min(until, walk.number + limit)
    for row in _rows(chain, account_id, after=walk.number, until=stop):
        walk.row, walk.problem = _wrong_with(chain, walk, row)
        if not walk.problem and last and row.link == last.checked_links:
            walk.problem = _changed_since(last, row.hash)
        if walk.problem:
            walk.is_over = True
            return
        walk.number, walk.hash, walk.row = row.link, row.hash, None
    if walk.number < stop:
        left = until - walk.number
        walk.problem = f"The last {left} entries are missing." if left > 1 else LAST_MISSING
    elif stop == until:
        walk.problem = _wrong_at_the_end(chain, account_id, walk, last)
    walk.is_over = bool(walk.problem) or stop == until


def _wrong_with(chain: Chain, walk: _Walk, row: Any) -> tuple[int | None, str]:
    if row.link != walk.number + 1:
        gap = row.link - walk.number - 1
        one = f"Entry number {walk.number + 1} is missing"
        return None, f"{one}, and {gap - 1} behind it." if gap > 1 else f"{one}."
    text = canonical.row_text(chain.table, row.content)
    if row.hash != hash_of(walk.hash, row.link, text):
        return row.id, f"Entry number {row.link} (row {row.id}) was altered after it was written."
    return None, ""


def _changed_since(last: ChainHead, found: str) -> str:
    if found == last.checked_hash:
        return ""
    return f"The first {last.checked_links} entries were written anew since they were verified."


def _wrong_at_the_end(
    chain: Chain, account_id: int | None, walk: _Walk, last: ChainHead | None
) -> str:
    newest, links = db.session.execute(
        sa.select(
            sa.select(sa.func.max(chain.table.c.link))
            .where(chain.of(account_id))
            .scalar_subquery(),
            sa.select(ChainHead.links).where(ChainHead.id == last.id).scalar_subquery()
            if last
            else sa.literal(0),
        )
    ).one()
    if (newest or 0) > (links or 0):
        return f"{newest - (links or 0)} entries were put in behind the end."
    if last and walk.hash != last.hash:
        return "The last entry is not the one that was written last."
    if last and walk.number < last.checked_links:
        return f"There were {last.checked_links} entries when it was last verified."
    return ""


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    link: int
    hash: str
    content: sa.Row[Any]


def _rows(chain: Chain, account_id: int | None, *, after: int, until: int) -> Iterator[_Row]:
    table = chain.table
    columns = canonical.raw(table, chain.content)
    while after < until:
        places = (
            sa.select(table.c.id, table.c.link, table.c.hash)
            .where(chain.of(account_id), table.c.link > after, table.c.link <= until)
            .order_by(table.c.link)
            .limit(AT_ONCE)
        )
        found = db.session.connection().execute(places).all()
        if not found:
            return
        ids = [row.id for row in found]
        query = sa.select(*columns).where(table.c.id.in_(ids))
        contents = {row.id: row for row in db.session.connection().execute(query)}
        for row in found:
            yield _Row(row.id, row.link, row.hash, contents[row.id])
        after = found[-1].link


def _accounts(chain: Chain) -> Sequence[int | None]:
    """Who has a head, or rows without one."""
    heads = sa.select(ChainHead.account_id).where(ChainHead.name == chain.name)
    rows = sa.select(chain.table.c.account_id)
    found = db.session.scalars(sa.union(heads, rows)).all()
    return sorted(found, key=lambda account_id: account_id or 0)


def _loose(chain: Chain, account_id: int | None) -> int:
    query = sa.select(sa.func.count()).where(chain.of(account_id), chain.table.c.link.is_(None))
    return db.session.scalar(query) or 0


def _holds(chain: Chain, account_id: int | None, known: str) -> bool:
    wanted = known.strip().lower()
    query = sa.select(chain.table.c.id).where(chain.of(account_id), chain.table.c.hash == wanted)
    return db.session.scalar(query.limit(1)) is not None
