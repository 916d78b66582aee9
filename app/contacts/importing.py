"""Taking in a file of contacts: kept first, then read in the background, chunk by chunk.

Each chunk is one transaction that also saves where to go on, so that a crash repeats at most a
chunk that was never stored. Who must not be mailed is counted and left as they are.
"""

from __future__ import annotations

import gc
import itertools
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult

from app.accounts.models import Account
from app.contacts import (
    ahead,
    domain_rules,
    fields,
    houses,
    letters,
    lists,
    mapping,
    marks,
    memory,
    rows,
    tags,
    typos,
    uploads,
)
from app.contacts.ahead import WORTH_BYTES, Ahead, Chunk, without_collector
from app.contacts.bulk import Collision
from app.contacts.models import ContactList, Import, ImportProblem, Tag
from app.contacts.reading import Rows
from app.contacts.storing import COUNTS, Store
from app.contacts.text import clean_note, mask_card_numbers, refuse_card_number
from app.core.clock import now
from app.core.db import db, take_stock, transaction
from app.core.errors import Invalid, NotFound, WrongState

log = logging.getLogger(__name__)

CHUNK = 20_000
BUDGET_S = 20.0
LEASE = timedelta(seconds=30)
SAMPLE = 200
MODES = ("update", "add", "block")
#: States in which columns can be chosen and an import be started.
OPEN = ("draft", "checked")
STARTED = "This import has been started already."
NO_ROWS = "There is no row under the titles of this file, so nobody is in it."


class Overtaken(WrongState):
    """Another worker went on with this import."""


def stage(
    account: Account,
    file: BinaryIO,
    filename: str,
    *,
    list_: ContactList | None = None,
    columns: Mapping[str, Any] | None = None,
    mode: str = "update",
    basis: str = "",
    member_id: int | None = None,
    confirmed: bool = True,
) -> Import:
    """Keep the file and make the row, committed; ready to be worked when `confirmed`.

    `columns` corrects the guess, column → target (see contacts.mapping). A large spreadsheet waits
    in the state `reading` for contacts.preparing. Call it outside of a
    transaction: a large file takes its time. Raises Unreadable, TooLarge, NoRoom, Invalid.
    """
    houses.refuse(account)
    upload = uploads.receive(file, filename)
    try:
        with transaction():
            import_ = _draft(account, upload, member_id)
            import_.mapping = {"asked": dict(columns or {})}
            if confirmed:
                _agree(import_, list_, mode, basis)
                import_.choices = {"go": True}
            if not upload.waits:
                settle(import_)
    except BaseException:
        uploads.path_of(upload.stored_as).unlink(missing_ok=True)
        raise
    return import_


def settle(import_: Import) -> None:
    """The file can be read: say what its columns mean, and start it where that was asked for."""
    asked, goes = import_.mapping.get("asked", {}), import_.choices.get("go")
    columns = mapping.given(guess(import_), asked)
    if not asked and not goes:
        columns = memory.recall(import_, columns)
    import_.mapping, import_.state = {"columns": columns}, "draft"
    if goes:
        _begin(import_, columns, repair=False)


def _draft(account: Account, upload: uploads.Upload, member_id: int | None) -> Import:
    import_ = Import(
        account_id=account.id,
        member_id=member_id,
        filename=upload.filename,
        stored_as=upload.stored_as,
        size_bytes=upload.size_bytes,
        dialect=upload.dialect,
        state="reading" if upload.waits else "draft",
    )
    db.session.add(import_)
    db.session.flush()
    return import_


def start(
    import_: Import,
    *,
    list_: ContactList | None,
    columns: mapping.Columns,
    mode: str,
    basis: str,
    repair: bool = False,
) -> None:
    """The owner says what the columns mean and where these people come from. Enqueue after it.

    `repair` puts mistyped domains right (contacts.typos).
    """
    demand_open(import_)
    _agree(import_, list_, mode, basis)
    _begin(import_, columns, repair=repair)


def _agree(import_: Import, list_: ContactList | None, mode: str, basis: str) -> None:
    if mode not in MODES:
        raise Invalid("mode is add, update or block.", {"mode": ["Choose add, update or block."]})
    if list_ is not None and list_.account_id != import_.account_id:
        raise NotFound("The list")
    basis = clean_note(basis)
    if not basis:
        text = "Say where these people come from and how they agreed to your mail."
        raise Invalid(text, {"basis": [text]})
    refuse_card_number(basis, "The sentence")
    import_.list_id = list_.id if list_ else None
    import_.mode, import_.basis = mode, basis


def _begin(import_: Import, columns: mapping.Columns, *, repair: bool) -> None:
    known = fields.of(import_.account_id)
    mapping.check(columns, known, most=fields.MOST)
    forget_problems(import_)
    columns = [_with_field(import_.account_id, column) for column in columns]
    import_.mapping = {"columns": columns, "repair": True} if repair else {"columns": columns}
    import_.state = "queued"
    db.session.flush()


def _with_field(account_id: int, column: dict[str, Any]) -> dict[str, Any]:
    """The same; a new field of another type than text is made now."""
    if column.get("type", "text") == "text" or not column["to"].startswith("new:"):
        return column
    field = fields.create(account_id, column["to"][4:], type_=column["type"])
    return {**column, "to": f"field:{field.key}"}


def plan(
    import_: Import, columns: mapping.Columns, choices: Mapping[str, Any], *, repair: bool
) -> None:
    """Keep what was chosen so far; nothing is taken in yet. Raises Invalid."""
    demand_open(import_)
    mapping.check(columns, fields.of(import_.account_id), most=fields.MOST)
    import_.mapping = {"columns": columns, "repair": True} if repair else {"columns": columns}
    import_.choices = {**import_.choices, **choices}
    db.session.flush()


def forget_problems(import_: Import) -> None:
    """Forget the rows that a dry run would not have taken."""
    db.session.execute(sa.delete(ImportProblem).where(ImportProblem.import_id == import_.id))


def guess(import_: Import) -> mapping.Columns:
    """What the columns seem to mean."""
    known = fields.of(import_.account_id)
    return mapping.guess(import_.dialect["columns"], _samples(import_), known)


def demand_open(import_: Import) -> None:
    """Raises WrongState where columns cannot be chosen any more."""
    if import_.state not in OPEN:
        raise WrongState(STARTED)


def complete(import_: Import, columns: mapping.Columns) -> mapping.Columns:
    """Columns as they were chosen; those of JSON with the names that are in them."""
    if not any(column["to"] == "attributes" for column in columns):
        return columns
    return mapping.with_keys(columns, _samples(import_))


def _samples(import_: Import) -> list[list[str]]:
    return [row.cells for row in itertools.islice(records(import_), SAMPLE)]


def read_as(import_: Import, encoding: str, columns: mapping.Columns) -> mapping.Columns:
    """Read a waiting file in another encoding; returns the columns, their titles read anew.

    What `columns` say they become stays, but for new fields, which are named after titles.
    """
    demand_open(import_)
    if encoding not in letters.ENCODINGS:
        raise Invalid("Choose one of the encodings.", {"encoding": ["Choose one of these."]})
    if import_.dialect.get("kind"):
        raise Invalid("Only text files can be read in another encoding.")
    import_.dialect = uploads.look_at(file_of(import_), encoding)
    titles: dict[int, str] = dict(enumerate(import_.dialect["columns"]))
    again = [
        _renamed(column, titles.get(at, str(column["name"]))) for at, column in enumerate(columns)
    ]
    import_.mapping = {"columns": again}
    db.session.flush()
    return again


def _renamed(column: dict[str, Any], title: str) -> dict[str, Any]:
    is_own_field = column["to"] == f"new:{column['name']}"
    to = f"new:{title}" if is_own_field else column["to"]
    return {**column, "name": title, "to": to}


def preview(
    import_: Import, columns: mapping.Columns, limit: int = 8, *, repairs: bool = False
) -> list[tuple[int, rows.Person | str]]:
    """The first rows as they will look; a text says why a row will not be taken."""
    reader = reader_of(import_, columns, repairs=repairs)
    if reader.names_lists:
        reader.limit_lists(lists.names_of(import_.account_id), lists.MOST_BY_FILE)
    found: list[tuple[int, rows.Person | str]] = []
    for row in itertools.islice(records(import_), limit):
        try:
            if row.problem:
                raise rows.Problem(row.problem)
            found.append((row.number, reader.read(row.number, row.cells)))
        except rows.Problem as problem:
            found.append((row.number, mask_card_numbers(str(problem))))
    return found


def reader_of(
    import_: Import, columns: mapping.Columns | None = None, *, repairs: bool | None = None
) -> rows.Reader:
    """What turns the rows of an import into people: as it was chosen, unless said otherwise."""
    if repairs is None:
        repairs = bool(import_.mapping.get("repair"))
    is_planned = import_.state in (*OPEN, "checking")
    mode = import_.choices.get("mode") if is_planned else import_.mode
    return rows.Reader(
        import_.mapping["columns"] if columns is None else columns,
        fields.of(import_.account_id),
        repairs=typos.MEANT if repairs else None,
        domains=domain_rules.of(import_.account_id),
        blocks=mode == "block",
    )


def records(import_: Import) -> Iterator[Any]:
    """The records of a file from its beginning, without header and blank ones."""
    with Rows(file_of(import_), import_.dialect) as found:
        yield from after_header(import_, found)


def is_empty(import_: Import) -> bool:
    """Whether the file holds nothing but its titles."""
    return next(records(import_), None) is None


def file_of(import_: Import) -> Path:
    """Where the file lies. Raises Invalid."""
    path = uploads.path_of(import_.stored_as)
    if not path.exists():
        raise Invalid("The uploaded file has been removed. Upload it again.")
    return path


def after_header(import_: Import, found: Rows) -> Iterator[Any]:
    """The records that are people."""
    # `number` counts records already read, so a reader that goes on has the header behind it.
    above = import_.dialect.get("before", 0)
    waiting = bool(import_.dialect.get("header")) and found.number == above
    for row in found:
        if not row.cells:
            continue
        if waiting:
            waiting = False
            continue
        yield row


def run(import_id: int, *, budget_s: float = BUDGET_S) -> bool:
    """Go on with an import for about so many seconds; True when there is more to do.

    Harmless when another worker has it. What nobody expects marks it as failed and is raised.
    """
    with transaction():
        if not claim(import_id):
            return False
    try:
        return _work_patiently(import_id, time.monotonic() + budget_s)
    except Overtaken:
        return False
    except sa.exc.OperationalError:
        raise  # the database is busy or away: the sweep takes it up again
    except Exception as error:
        db.session.rollback()
        with transaction():
            _fail(import_id, error)
        if isinstance(error, Invalid):
            return False
        raise


def _work_patiently(import_id: int, until: float) -> bool:
    """Begin again at the last stored chunk when another import added the same people or fields."""
    cause: Exception | None = None
    for _ in range(10):
        try:
            return _work(import_id, until)
        except (Collision, sa.exc.IntegrityError) as error:
            db.session.rollback()
            cause = error
    raise Collision("The same people are being added elsewhere right now.") from cause


def claim(import_id: int) -> bool:
    """Take a waiting import, or one whose worker is gone; False when another worker has it."""
    abandoned = sa.and_(Import.state == "running", Import.lease_until < now())
    taken = db.session.execute(
        sa.update(Import)
        .where(Import.id == import_id, sa.or_(Import.state == "queued", abandoned))
        .values(state="running", lease_until=now() + LEASE)
    )
    return isinstance(taken, CursorResult) and taken.rowcount == 1


def take(import_id: int, state: str) -> bool:
    """Take a file that waits in that state, or whose worker is gone, for what comes before it is
    imported; False when another worker has it."""
    is_free = sa.or_(Import.lease_until.is_(None), Import.lease_until < now())
    taken = db.session.execute(
        sa.update(Import)
        .where(Import.id == import_id, Import.state == state, is_free)
        .values(lease_until=now() + LEASE)
    )
    return isinstance(taken, CursorResult) and taken.rowcount == 1


def _take_stock() -> None:
    with db.engine.connect() as link:
        take_stock(link, "contact", "subscription")
        link.commit()


@dataclass
class Mark:
    """How far this worker knows the import to be; when it is farther, somebody else has it."""

    rows: int
    done_bytes: int


def _work(import_id: int, until: float) -> bool:
    import_ = db.session.get(Import, import_id, populate_existing=True)
    if import_ is None:
        return False
    reader = reader_of(import_)
    limit(reader, import_.account_id)
    store = Store(import_, reader.labels)
    mark = Mark(import_.rows, import_.done_bytes)
    with _chunks(import_, reader) as next_chunk, without_collector():
        db.session.rollback()  # nothing is held while the file is read
        while True:
            chunk = next_chunk()
            done = chunk.rows < CHUNK
            if done:  # pages and campaigns come next; what is still to be written is little
                _take_stock()
            # The file of a finished import may be removed at any time.
            with transaction(bulk=not done, trusted=True):
                _hold(import_, mark)
                _save(import_, store, chunk)
                goes_on = not done and time.monotonic() < until
                _set_state(import_, done=done, more=goes_on)
                mark = Mark(import_.rows, import_.done_bytes)
            del chunk  # before the next one comes: two of them would take twice the room
            gc.collect(1)  # what statements left behind, without looking at what stays
            if not goes_on:
                return not done


@contextmanager
def _chunks(import_: Import, reader: rows.Reader) -> Iterator[Callable[[], Chunk]]:
    """What gives the next chunk: from another process that reads ahead, where that is worth it."""
    at, account_id = import_.cursor, import_.account_id
    with _reading(import_, reader, at) as (here, rest):
        if rest < WORTH_BYTES:
            yield here
            return
        with _reading_on(import_, reader, Ahead(here, CHUNK), account_id) as from_there:
            yield from_there


@contextmanager
def _reading(
    import_: Import, reader: rows.Reader, at: Mapping[str, Any]
) -> Iterator[tuple[Callable[[], Chunk], int]]:
    """What reads chunks from a place on, and how many bytes lie behind it."""
    offset, number = at.get("offset"), at.get("number", 0)
    with Rows(file_of(import_), import_.dialect, offset=offset, number=number) as found:
        people = after_header(import_, found)

        def here() -> Chunk:
            chunk = read_chunk(people, reader)
            chunk.offset, chunk.number = found.offset, found.number
            return chunk

        yield here, found.size - found.offset


@contextmanager
def _reading_on(
    import_: Import, reader: rows.Reader, helper: Ahead, account_id: int
) -> Iterator[Callable[[], Chunk]]:
    """Chunks of a helper; when it is gone, read from where it was."""
    at: dict[str, Any] = dict(import_.cursor)
    with ExitStack() as stack:
        stack.callback(helper.end)
        here: list[Callable[[], Chunk]] = []

        def next_chunk() -> Chunk:
            chunk = None if here else helper.take()
            if chunk is None:
                if not here:
                    limit(reader, account_id)
                    here.append(stack.enter_context(_reading(import_, reader, at))[0])
                chunk = here[0]()
            at.update(offset=chunk.offset, number=chunk.number)
            return chunk

        yield next_chunk


def limit(reader: rows.Reader, account_id: int) -> None:
    """Have rows refused that bring more tags or lists than an account can have."""
    reader.limit_tags(_tag_names(account_id), tags.MOST)
    if reader.names_lists:
        reader.limit_lists(lists.names_of(account_id), lists.MOST_BY_FILE)


def _tag_names(account_id: int) -> set[str]:
    return set(db.session.scalars(sa.select(Tag.name).where(Tag.account_id == account_id)))


def read_chunk(found: Iterator[Any], reader: rows.Reader, limit: int | None = None) -> Chunk:
    """The next rows, as people or with the reason why not."""
    return ahead.read(found, reader, CHUNK if limit is None else limit)


def _hold(import_: Import, mark: Mark) -> None:
    """Make sure that nobody else went on with it, and that nobody can until the end."""
    db.session.refresh(import_, with_for_update=True)
    if import_.state != "running" or Mark(import_.rows, import_.done_bytes) != mark:
        raise Overtaken("Another worker went on with this import.")


def _save(import_: Import, store: Store, chunk: Chunk) -> None:
    """Store a chunk together with where to go on. Raises Collision."""
    counts = store.put(chunk.people)
    counts["rejected"] += len(chunk.problems)
    note_problems(import_, chunk.problems)
    import_.marks = marks.together(import_.marks or {}, chunk.marks)
    _advance(import_, counts, chunk)


def _advance(import_: Import, counts: Counter[str], chunk: Chunk) -> None:
    import_.rows += chunk.rows
    for name in COUNTS:
        setattr(import_, name, getattr(import_, name) + counts[name])
    import_.done_bytes = chunk.offset
    import_.cursor = {"offset": chunk.offset, "number": chunk.number}


def _set_state(import_: Import, *, done: bool, more: bool) -> None:
    import_.lease_until = None
    if done:
        import_.state, import_.finished_at = "finished", now()
        import_.done_bytes = import_.size_bytes
        import_.error = "" if import_.rows else NO_ROWS
    elif more:
        import_.lease_until = now() + LEASE
    else:
        import_.state = "queued"  # the next job goes on at once


def note_problems(import_: Import, problems: Sequence[tuple[int, str, str]]) -> None:
    """Keep the rows that were not taken: (number, row, reason)."""
    if problems:
        db.session.connection().execute(
            sa.insert(ImportProblem),
            [
                {"import_id": import_.id, "row_number": number, "row": row, "reason": reason}
                for number, row, reason in problems
            ],
        )


def _fail(import_id: int, error: Exception) -> None:
    import_ = db.session.get(Import, import_id, populate_existing=True)
    if import_ is None or import_.state != "running":
        return
    log.error("import %d stopped: %s", import_id, type(error).__name__)
    told = str(error) if isinstance(error, Invalid) else "Something broke on our side."
    import_.state, import_.lease_until = "failed", None
    import_.error = f"{told} The rows before it are stored."


def waiting(limit: int = 100) -> Sequence[tuple[int, int]]:
    """Imports that a worker should go on with: their ids, and how far they are."""
    abandoned = sa.and_(Import.state == "running", Import.lease_until < now())
    return [
        (row.id, row.rows)
        for row in db.session.execute(
            sa.select(Import.id, Import.rows)
            .where(
                Import.state.in_(("queued", "running")),
                sa.or_(Import.state == "queued", abandoned),
            )
            .order_by(Import.id)
            .limit(limit)
        )
    ]
