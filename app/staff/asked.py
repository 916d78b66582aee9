"""Requests of people to the operator: their data, to be erased, or no more mail, everywhere.

Somebody writes to the operator and means every business at once. Staff enters the address; the
accounts that know it are found one by one, by the index of each, and none is shown more of than its
name. Nothing happens before the person has pressed a button behind a link that went to that very
address; `staff.answering` does the rest.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult

from app.accounts import auditing, notices
from app.accounts.models import Account, Member, Notice
from app.contacts import suppressions
from app.contacts.models import Contact, Suppression, SuppressionKey
from app.core import settings, tokens
from app.core.clock import now
from app.core.db import db
from app.core.errors import DomainError, Invalid, NotFound, WrongState
from app.core.owning import LARGEST
from app.core.tokens import Purpose, derive_key
from app.desk import tickets
from app.desk.models import Ticket
from app.mailer import address as addresses
from app.staff import book, looking
from app.trust.models import PersonRequest, PersonRequestPlace

KINDS = {
    "download": "A copy of their data",
    "erase": "To be erased",
    "stop": "No more mail",
}
STATES = {
    "open": "to be confirmed by mail",
    "asked": "waits for the person",
    "confirmed": "is being answered",
    "done": "answered",
    "declined": "it was not them",
    "closed": "closed without an answer",
}
#: Nothing more happens to these, and their address is gone.
OVER = ("done", "declined", "closed")
TIME_TO_ANSWER = timedelta(days=30)
LINK_LIFE = timedelta(days=14)
MOST_MAILS = 5
#: Accounts that are looked through with one statement.
TOGETHER = 400
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


class LinkOver(DomainError):
    """Too old, replaced by a newer one, or used."""

    status = 410

    def __init__(self) -> None:
        super().__init__("This link is over. What it was for is done, or was asked for anew.")


def open_(
    by: Member, purpose: str, *, email: str, kind: str, reference: str = "",
    came_on: date | None = None, ticket: Ticket | None = None,
) -> PersonRequest:  # fmt: skip
    """Enter a request and find the accounts. Raises Invalid, WrongState where one is open."""
    problems: dict[str, list[str]] = {}
    address = ""
    try:
        address = addresses.parse(email).address
    except addresses.BadAddress as error:
        problems["email"] = [str(error)]
    if kind not in KINDS:
        problems["kind"] = ["Choose what they ask for."]
    if came_on is not None and came_on > now().date():
        problems["came_on"] = ["It cannot have come later than today."]
    if problems:
        raise Invalid(next(iter(problems.values()))[0], problems)
    if not reference and ticket is not None:
        reference = f"letter #{ticket.reference}"
    reference = looking.check_reference(reference)
    key = keyed(address)
    before = db.session.scalar(_open_ones().where(PersonRequest.address_hash == key).limit(1))
    if before is not None:
        raise WrongState(f"A request of this person is open already: {before.reference}.")
    asked_at = ticket.opened_at if ticket else _came(came_on)
    row = PersonRequest(
        reference=_new_reference(), kind=kind, state="open", address=address, address_hash=key,
        words=reference, ticket_id=ticket.id if ticket else None, by_id=by.id, who=book.who(by),
        purpose=purpose, asked_at=asked_at, due_at=asked_at + TIME_TO_ANSWER,
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    find_places(row)
    auditing.note(None, by, "person.open", f"request {row.reference}: {kind}")
    if ticket is not None:
        tickets.event(ticket, f"Request {row.reference} entered: {KINDS[kind].lower()}.", by=by)
    return row


def keyed(address: str) -> str:
    """What tells that a person asked before, once the address is forgotten: hex."""
    key = derive_key(settings.get().SECRET_KEY, "person request")
    return hmac.digest(key, address.encode(), "sha256").hex()


def _came(day: date | None) -> datetime:
    return datetime.combine(day, time(), UTC) if day and day < now().date() else now()


def _new_reference() -> str:
    while True:
        made = "P-" + "".join(secrets.choice(ALPHABET) for _ in range(8))
        taken = sa.select(PersonRequest.id).where(PersonRequest.reference == made)
        if db.session.scalar(taken) is None:
            return made


def _open_ones() -> sa.Select[Any]:
    return sa.select(PersonRequest).where(PersonRequest.state.not_in(OVER))


def find_places(row: PersonRequest) -> None:
    """Add the accounts that know the address and are not here yet, each with a line in its book."""
    known = set(
        db.session.scalars(
            sa.select(PersonRequestPlace.account_id).where(PersonRequestPlace.request_id == row.id)
        )
    )
    for account_id in knowing(row.address or ""):
        if account_id not in known:
            db.session.add(PersonRequestPlace(request_id=row.id, account_id=account_id))
            write(row, account_id, "person.found")
    db.session.flush()


def knowing(address: str) -> list[int]:
    """Accounts where the address is a contact, is kept out, or is known by its keyed hash alone.

    By the indexes of each account in turn: contacts are never searched as a whole.
    """
    found: set[int] = set()
    last = 0
    while ids := db.session.scalars(
        sa.select(Account.id).where(Account.id > last).order_by(Account.id).limit(TOGETHER)
    ).all():
        last = ids[-1]
        hashes = [(one, suppressions.address_hash(one, address)) for one in ids]
        for query in (
            sa.select(Contact.account_id).where(
                Contact.account_id.in_(ids), Contact.address == address
            ),
            sa.select(Suppression.account_id).where(
                Suppression.account_id.in_(ids), Suppression.address == address
            ),
            sa.select(Suppression.account_id).where(
                sa.tuple_(Suppression.account_id, Suppression.address_hash).in_(hashes)
            ),
        ):
            found.update(db.session.scalars(query))
    # Hashes that came with a take-out are made with a key of their own.
    for account_id in db.session.scalars(sa.select(SuppressionKey.account_id).distinct()).all():
        if suppressions.find(account_id, address) is not None:
            found.add(account_id)
    return sorted(found)


def find(request_id: int) -> PersonRequest:
    """Raises NotFound."""
    row = db.session.get(PersonRequest, request_id)
    if row is None:
        raise NotFound("That request")
    return row


def open_ones() -> Sequence[PersonRequest]:
    """The one that is due first on top."""
    query = _open_ones().order_by(PersonRequest.due_at, PersonRequest.id).limit(200)
    return db.session.scalars(query).all()


def latest_over() -> Sequence[PersonRequest]:
    """What was answered last."""
    query = sa.select(PersonRequest).where(PersonRequest.state.in_(OVER))
    return db.session.scalars(query.order_by(PersonRequest.finished_at.desc()).limit(50)).all()


def places(row: PersonRequest) -> list[tuple[PersonRequestPlace, str]]:
    """With the names of the accounts, in their order; nothing else of them."""
    query = (
        sa.select(PersonRequestPlace, Account.name)
        .join(Account, Account.id == PersonRequestPlace.account_id)
        .where(PersonRequestPlace.request_id == row.id)
        .order_by(Account.name_key, Account.id)
    )
    return [(place, name) for place, name in db.session.execute(query)]


def ask(row: PersonRequest, by: Member) -> None:
    """Mail the link by which the person confirms; an earlier link is over. Raises WrongState."""
    if row.state not in ("open", "asked"):
        raise WrongState("The person has answered already.")
    if row.mails >= MOST_MAILS:
        raise WrongState("The person was mailed five times. Answer by letter, or close it.")
    find_places(row)
    row.state, row.mailed_at, row.mails = "asked", now(), row.mails + 1
    db.session.flush()
    token = tokens.sign(Purpose.PERSON_REQUEST, row.id, row.mails)
    notices.queue(
        "person_request", row.address or "", reference=row.reference,
        what=KINDS[row.kind], days=LINK_LIFE.days,
        link=f"{settings.get().BASE_URL}/your-request/{token}",
    )  # fmt: skip
    auditing.note(None, by, "person.ask", f"request {row.reference}")


def close(row: PersonRequest, by: Member, words: str) -> None:
    """End it without an answer; `words` say why. Raises Invalid, WrongState."""
    words = looking.check_reference(words, field="words")
    if not move(row, ("open", "asked"), "closed", finished_at=now(), end_words=words):
        raise WrongState("The person has answered already.")
    forget(row)
    auditing.note(None, by, "person.close", f"request {row.reference}: {words}")
    tell_ticket(row, f"Request {row.reference} closed: {words}", by)


def by_link(token: str) -> PersonRequest:
    """What the person is asked about. Raises BadToken, LinkOver."""
    numbers = tokens.read(Purpose.PERSON_REQUEST, token)
    if len(numbers) != 2 or numbers[0] >= LARGEST:
        raise tokens.BadToken
    row = db.session.get(PersonRequest, numbers[0])
    if row is None or row.state != "asked" or row.mails != numbers[1] or row.mailed_at is None:
        raise LinkOver
    if row.mailed_at + LINK_LIFE < now():
        raise LinkOver
    return row


def confirm(token: str, account_ids: Iterable[int]) -> PersonRequest:
    """The person wants it, for these accounts. Raises BadToken, LinkOver, Invalid."""
    row, chosen = by_link(token), set(account_ids)
    offered = [place for place, _ in places(row)]
    if offered and not chosen & {place.account_id for place in offered}:
        raise Invalid("Choose at least one business.")
    if not move(row, ("asked",), "confirmed", confirmed_at=now()):
        raise LinkOver
    for place in offered:
        if place.account_id not in chosen:
            place.state = "left"
    auditing.note(None, None, "person.confirm", f"request {row.reference}")
    tell_ticket(row, f"The person confirmed request {row.reference}.")
    return row


def decline(token: str) -> None:
    """It was not them: nothing happens, and the address is forgotten. Raises BadToken, LinkOver."""
    row = by_link(token)
    if not move(row, ("asked",), "declined", finished_at=now()):
        raise LinkOver
    forget(row)
    auditing.note(None, None, "person.decline", f"request {row.reference}")
    tell_ticket(row, f"Request {row.reference}: the person says that it was not them.")


def move(row: PersonRequest, before: tuple[str, ...], after: str, **values: Any) -> bool:
    """Whether it was ours to move; nothing else moves it a second time."""
    moved = db.session.execute(
        sa.update(PersonRequest)
        .where(PersonRequest.id == row.id, PersonRequest.state.in_(before))
        .values(state=after, **values),
        execution_options={"synchronize_session": False},
    )
    if not isinstance(moved, CursorResult) or moved.rowcount != 1:
        return False
    db.session.refresh(row)
    return True


def forget(row: PersonRequest) -> None:
    """The address, here and in mails that have left; its keyed hash tells it again."""
    mails = (Notice.to_email == (row.address or ""), Notice.kind == "person_request")
    db.session.execute(sa.delete(Notice).where(*mails))
    row.address = None
    db.session.flush()


def write(row: PersonRequest, account_id: int, verb: str) -> None:
    """A line in the access book of an account that is touched; it names nobody."""
    book.write(
        account_id, verb, member_id=row.by_id, who=row.who, purpose=row.purpose,
        reference=f"request {row.reference}, {row.words}"[:200], kind="contact",
    )  # fmt: skip


def tell_ticket(row: PersonRequest, words: str, by: Member | None = None) -> None:
    """What happened, in the conversation that the request came with."""
    ticket = db.session.get(Ticket, row.ticket_id) if row.ticket_id else None
    if ticket is not None:
        tickets.event(ticket, words, by=by)
