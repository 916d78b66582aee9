"""Reading of tickets: lists by keyset, threads, the queue of wishes to leave."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from app.accounts.models import Account, Member
from app.core import pagination
from app.core.db import db
from app.core.errors import NotFound
from app.core.folding import fold
from app.core.pagination import PAGE_SIZE, Page
from app.desk.models import SEEN_BY, STATES, Ticket, TicketFile, TicketMessage


def seen_by(roles: Collection[str]) -> list[str]:
    """Purposes of the tickets that staff with these roles see."""
    return [purpose for purpose, who in SEEN_BY.items() if who & set(roles)]


def page(
    purposes: Sequence[str],
    *,
    state: str = "",
    purpose: str = "",
    assignee: str = "",
    me: int = 0,
    text: str = "",
    cursor: str | None = None,
) -> Page[Ticket]:
    """Tickets of these purposes, the last changed first; `assignee` is me, nobody or empty."""
    query = sa.select(Ticket).where(Ticket.purpose.in_(purposes))
    if purpose:
        query = query.where(Ticket.purpose == purpose)
    if state in STATES:
        query = query.where(Ticket.state == state)
    if assignee == "me":
        query = query.where(Ticket.assigned_to_id == me)
    elif assignee == "nobody":
        query = query.where(Ticket.assigned_to_id.is_(None))
    for word in (fold(text.strip().removeprefix("[").strip("#]")) or "").split()[:8]:
        query = query.where(Ticket.words.contains(word, autoescape=True))
    options = (selectinload(Ticket.account), selectinload(Ticket.assigned_to))
    return _page(query.options(*options), cursor)


def of_asker(
    account: Account, member: Member, *, sees_all: bool, cursor: str | None = None
) -> Page[Ticket]:
    """What a member asked; an owner sees what everybody in the account did, see `_theirs`."""
    query = sa.select(Ticket).where(Ticket.account_id == account.id)
    return _page(query.where(_theirs(member, sees_all=sees_all)), cursor)


def _theirs(member: Member, *, sees_all: bool) -> sa.ColumnElement[bool]:
    """What a member wrote by mail from their own mailbox is theirs alone."""
    own = Ticket.member_id == member.id
    return sa.or_(own, Ticket.origin != "mail") if sees_all else own


def of_account(account_id: int, limit: int = 5) -> Sequence[Ticket]:
    """The newest of an account, for whoever helps it."""
    return db.session.scalars(
        sa.select(Ticket)
        .where(Ticket.account_id == account_id)
        .order_by(Ticket.changed_at.desc(), Ticket.id.desc())
        .limit(limit)
    ).all()


def _page(query: sa.Select[Ticket], cursor: str | None) -> Page[Ticket]:
    if key := pagination.decode(cursor):
        at = key.moment(0)
        query = query.where(
            sa.or_(
                Ticket.changed_at < at, sa.and_(Ticket.changed_at == at, Ticket.id < key.number(1))
            )
        )
    rows = db.session.scalars(
        query.order_by(Ticket.changed_at.desc(), Ticket.id.desc()).limit(PAGE_SIZE + 1)
    ).all()
    return pagination.cut(rows, PAGE_SIZE, lambda row: [row.changed_at.isoformat(), row.id])


def for_staff(purposes: Sequence[str], ticket_id: int) -> Ticket:
    """One ticket that staff with these purposes may see. Raises NotFound."""
    return _one(Ticket.id == ticket_id, Ticket.purpose.in_(purposes))


def for_asker(account: Account, member: Member, ticket_id: int, *, sees_all: bool) -> Ticket:
    """One of the account's own. Raises NotFound."""
    who = _theirs(member, sees_all=sees_all)
    return _one(Ticket.id == ticket_id, Ticket.account_id == account.id, who)


def _one(*conditions: sa.ColumnElement[bool]) -> Ticket:
    found = db.session.scalar(sa.select(Ticket).where(*conditions))
    if found is None:
        raise NotFound("That conversation")
    return found


def thread(ticket: Ticket, *, for_staff: bool) -> Sequence[TicketMessage]:
    """The messages, oldest first; the asker sees no notes and no events."""
    query = sa.select(TicketMessage).where(TicketMessage.ticket_id == ticket.id)
    if not for_staff:
        query = query.where(TicketMessage.kind.in_(("heard", "said")))
    query = query.options(selectinload(TicketMessage.files))
    return db.session.scalars(query.order_by(TicketMessage.id).limit(500)).all()


def file(ticket: Ticket, file_id: int) -> TicketFile:
    """A file of a ticket. Raises NotFound."""
    query = (
        sa.select(TicketFile)
        .join(TicketMessage, TicketMessage.id == TicketFile.message_id)
        .where(TicketFile.id == file_id, TicketMessage.ticket_id == ticket.id)
    )
    found = db.session.scalar(query)
    if found is None:
        raise NotFound("That file")
    return found


def wishes(purposes: Sequence[str], cursor: str | None = None) -> Page[Ticket]:
    """Letters whose writer may want no more mail, which nobody could surely match."""
    query = sa.select(Ticket).where(Ticket.leaving == "waiting", Ticket.purpose.in_(purposes))
    if key := pagination.decode(cursor):
        query = query.where(Ticket.id > key.number(0))
    rows = db.session.scalars(query.order_by(Ticket.id).limit(21)).all()
    return pagination.cut(rows, 20, lambda row: [row.id])


def waiting(purposes: Sequence[str]) -> dict[str, int]:
    """How many are open, and how many wishes wait; counted up to a hundred."""
    is_open = sa.and_(Ticket.state == "open", Ticket.purpose.in_(purposes))
    is_wish = sa.and_(Ticket.leaving == "waiting", Ticket.purpose.in_(purposes))
    return {"open": _some(is_open), "wishes": _some(is_wish)}


def _some(condition: sa.ColumnElement[bool]) -> int:
    rows = sa.select(Ticket.id).where(condition).limit(100).subquery()
    return int(db.session.scalar(sa.select(sa.func.count()).select_from(rows)) or 0)
