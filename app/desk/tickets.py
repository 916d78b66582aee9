"""Conversations: opened, heard, answered, noted, moved. Verbs for edges; none commits."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.accounts import notices
from app.accounts.models import Account, Mailbox, Member
from app.core import settings, tokens
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid, TooMany, WrongState
from app.core.folding import fold
from app.core.tokens import BadToken, Purpose
from app.desk import files
from app.desk.models import PURPOSES, SEEN_BY, STATES, Ticket, TicketFile, TicketMessage
from app.mailer import address as addresses

#: Letters that are not mistaken for others, on paper and on the telephone.
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
SUBJECT_MARK = re.compile(r"\[#\s?([2-9A-HJ-NP-Z]{8})\]", re.IGNORECASE)
#: More from one address in a day goes into their newest ticket.
MOST_A_DAY = 20
#: So many get an automatic word that the letter came; nobody's mailbox is flooded by us.
CONFIRMED_A_DAY = 3
#: The same letter again within this time was sent by pressing twice.
PRESSED_AGAIN = timedelta(minutes=10)
MOST_MESSAGES = 300
WORDS_LENGTH = 8_000
#: For how long closed ones are kept, where the operator chooses nothing else.
KEPT_DAYS = 2 * 365


def open_(
    *,
    email: str,
    name: str = "",
    subject: str = "",
    text: str,
    purpose: str = "support",
    account: Account | None = None,
    member: Member | None = None,
    version: int | None = None,
    origin: str = "form",
    mail_id: str = "",
    attached: Sequence[tuple[str, bytes]] = (),
    left_out: str = "",
) -> Ticket:
    """Begin a ticket with its first letter. Raises Invalid for a bad address."""
    address = _address(email)
    ticket = Ticket(
        reference=_reference(), email=address, name=" ".join(name.split())[:200],
        subject=_subject(subject, text), purpose=purpose if purpose in PURPOSES else "support",
        account_id=account.id if account else None, member_id=member.id if member else None,
        policy_version=version, origin=origin, quoted=[],
    )  # fmt: skip
    db.session.add(ticket)
    db.session.flush()
    ticket.words = fold(f"{ticket.reference} {address} {ticket.name} {ticket.subject}") or ""
    hear(ticket, text, mail_id=mail_id, attached=attached, left_out=left_out)
    return ticket


def just_asked(
    *, email: str, subject: str, text: str, member: Member | None = None
) -> Ticket | None:
    """The ticket that the same letter opened a moment ago: buttons are pressed twice, and people
    go back and send again."""
    newest = db.session.scalar(
        sa.select(Ticket)
        .where(
            Ticket.email == _address(email),
            Ticket.member_id == member.id if member else Ticket.member_id.is_(None),
            Ticket.origin != "mail",
            Ticket.opened_at > now() - PRESSED_AGAIN,
        )
        .order_by(Ticket.id.desc())
        .limit(1)
    )
    if newest is None or newest.messages != 1 or newest.subject != _subject(subject, text):
        return None
    written = sa.select(TicketMessage.text).where(TicketMessage.ticket_id == newest.id).limit(1)
    return newest if db.session.scalar(written) == text else None


def _address(email: str) -> str:
    try:
        return addresses.parse(email).address
    except addresses.BadAddress as error:
        raise Invalid(str(error), {"email": [str(error)]}) from None


def hear(
    ticket: Ticket,
    text: str,
    *,
    mail_id: str = "",
    attached: Sequence[tuple[str, bytes]] = (),
    left_out: str = "",
    member: Member | None = None,
) -> TicketMessage:
    """A letter of the asker: it is the operator's turn again, also where it was closed."""
    if ticket.messages >= MOST_MESSAGES:
        raise TooMany("This conversation has become too long. Begin a new one.")
    message = _add(
        ticket, "heard", text, author=ticket.name or ticket.email, mail_id=mail_id,
        left_out=left_out, author_id=member.id if member else ticket.member_id,
    )  # fmt: skip
    for name, content in attached:
        kind, is_risky = files.sniff(name, content)
        db.session.add(
            TicketFile(
                message_id=message.id, name=name, kind=kind, size=len(content),
                is_risky=is_risky, content=content,
            )
        )  # fmt: skip
    change_state(ticket, "open")
    return message


def answer(ticket: Ticket, by: Member, text: str, *, closes: bool = False) -> TicketMessage:
    """Mail an answer, so that a reply to it comes back into the ticket."""
    text = text.strip()
    if not text:
        raise Invalid("Write an answer.", {"text": ["Write an answer."]})
    before = thread_ids(ticket)
    message = _add(ticket, "said", text, author=by.name or by.email, author_id=by.id)
    message.mail_id = mail_id(ticket, message)
    _mail("ticket_answer", ticket, message.mail_id, before, automatic="no", text=text)
    ticket.assigned_to_id = ticket.assigned_to_id or by.id
    change_state(ticket, "closed" if closes else "waiting")
    return message


def note(ticket: Ticket, by: Member, text: str) -> TicketMessage:
    """For staff alone: never mailed, never on the asker's page."""
    if not text.strip():
        raise Invalid("Write a note.", {"text": ["Write a note."]})
    return _add(ticket, "note", text.strip(), author=by.name or by.email, author_id=by.id)


def event(ticket: Ticket, text: str, *, by: Member | None = None) -> TicketMessage:
    """What happened to the ticket, in words; for staff alone."""
    return _add(
        ticket, "event", text, author=(by.name or by.email) if by else "",
        author_id=by.id if by else None,
    )  # fmt: skip


def confirm(ticket: Ticket, kind: str = "ticket_received", **context: Any) -> bool:
    """Mail a plain automatic word; False where this address got enough of them today."""
    since = now() - timedelta(days=1)
    today = db.session.scalar(
        sa.select(sa.func.count())
        .select_from(Ticket)
        .where(Ticket.email == ticket.email, Ticket.opened_at > since)
    )
    if (today or 0) > CONFIRMED_A_DAY:
        return False
    own = f"<t{ticket.id}.0.{_token(ticket)}@{settings.get().MAIL_DOMAIN}>"
    _mail(kind, ticket, own, thread_ids(ticket), automatic="auto-replied", **context)
    return True


def tell_staff(ticket: Ticket) -> int:
    """Mail those who answer that something new came; returns to how many."""
    recipients = _staff_addresses(ticket) or [settings.get().OPERATOR_EMAIL]
    first = db.session.scalar(
        sa.select(TicketMessage.text)
        .where(TicketMessage.ticket_id == ticket.id, TicketMessage.kind == "heard")
        .order_by(TicketMessage.id.desc())
        .limit(1)
    )
    for to in recipients:
        notices.queue("ticket_new", to, ticket=ticket, text=first or "", account=None,
                      headers={"Reply-To": settings.get().OPERATOR_EMAIL},
                      business=ticket.account.name if ticket.account else "")  # fmt: skip
    return len(recipients)


def change(
    ticket: Ticket, by: Member, *, state: str = "", purpose: str = "", assignee: int | None = None
) -> None:
    """Move, sort or give a ticket to somebody (0: to nobody). Raises Invalid."""
    if state and state != ticket.state:
        if state not in STATES:
            raise Invalid("There is no such state.")
        change_state(ticket, state)
        event(ticket, f"Now {state}.", by=by)
    if purpose and purpose != ticket.purpose:
        if purpose not in PURPOSES:
            raise Invalid("There is no such purpose.")
        ticket.purpose = purpose
        event(ticket, f"Sorted under {purpose}.", by=by)
    if assignee is not None and assignee != (ticket.assigned_to_id or 0):
        _assign(ticket, by, assignee)


def _assign(ticket: Ticket, by: Member, assignee: int) -> None:
    member = db.session.get(Member, assignee) if assignee else None
    if assignee and (member is None or not SEEN_BY[ticket.purpose] & set(member.staff_roles)):
        raise Invalid("Nobody with that purpose is called so.")
    ticket.assigned_to_id = member.id if member else None
    whom = (member.name or member.email) if member else "nobody"
    event(ticket, f"Given to {whom}.", by=by)


def close_by_asker(ticket: Ticket) -> None:
    """The asker says that it is done. Raises WrongState."""
    if ticket.state == "closed":
        raise WrongState("It is closed already.")
    change_state(ticket, "closed")
    event(ticket, "Closed by who asked.")


def mail_id(ticket: Ticket, message: TicketMessage) -> str:
    """The Message-ID of an answer: signed, so that a reply surely belongs to the ticket."""
    return f"<t{ticket.id}.{message.id}.{_token(ticket)}@{settings.get().MAIL_DOMAIN}>"


def named_by(mail_ids: Sequence[str]) -> Ticket | None:
    """The ticket whose mail is among these Message-IDs."""
    domain = re.escape(settings.get().MAIL_DOMAIN)
    own = re.compile(rf"<?t\d{{1,18}}\.\d{{1,18}}\.([0-9a-f]{{24,80}})@{domain}>?", re.IGNORECASE)
    for one in mail_ids:
        if found := own.fullmatch(one):
            try:
                (number,) = tokens.read_from_address(Purpose.TICKET, found[1].lower())
            except (BadToken, ValueError):
                continue
            return db.session.get(Ticket, number)
    return None


def referred_to(subject: str, sender: str) -> Ticket | None:
    """The ticket whose reference stands in a subject, where its asker wrote the mail."""
    found = SUBJECT_MARK.search(subject)
    if not found:
        return None
    ticket = db.session.scalar(sa.select(Ticket).where(Ticket.reference == found[1].upper()))
    return ticket if ticket is not None and ticket.email == sender else None


def newest_of(sender: str, *, since: datetime) -> tuple[Ticket | None, int]:
    """The newest ticket of an address since then, and how many there are."""
    rows = db.session.scalars(
        sa.select(Ticket)
        .where(Ticket.email == sender, Ticket.opened_at > since)
        .order_by(Ticket.id.desc())
        .limit(MOST_A_DAY)
    ).all()
    return (rows[0] if rows else None), len(rows)


def thread_ids(ticket: Ticket) -> list[str]:
    """Message-IDs of the conversation so far, oldest first, the newest so many."""
    found = db.session.scalars(
        sa.select(TicketMessage.mail_id)
        .where(TicketMessage.ticket_id == ticket.id, TicketMessage.mail_id != "")
        .order_by(TicketMessage.id.desc())
        .limit(20)
    ).all()
    return list(found)[::-1]


def forget_old(before: datetime, limit: int) -> int:
    """Remove tickets that were closed before; returns how many."""
    old = (
        sa.select(Ticket.id)
        .where(Ticket.closed_at < before)
        .order_by(Ticket.closed_at)
        .limit(limit)
    )
    gone = db.session.execute(sa.delete(Ticket).where(Ticket.id.in_(old)))
    return int(gone.rowcount)  # type: ignore[attr-defined]


def _add(
    ticket: Ticket, kind: str, text: str, *, author: str = "", author_id: int | None = None,
    mail_id: str = "", left_out: str = "",
) -> TicketMessage:  # fmt: skip
    message = TicketMessage(
        ticket_id=ticket.id, kind=kind, text=text, author=author, author_id=author_id,
        mail_id=mail_id[:255], left_out=left_out, files=[],
    )  # fmt: skip
    db.session.add(message)
    db.session.flush()
    ticket.messages = (ticket.messages or 0) + 1
    ticket.changed_at = now()
    if kind in ("heard", "said"):
        ticket.words = f"{ticket.words} {fold(text[:2000])}"[:WORDS_LENGTH]
    return message


def change_state(ticket: Ticket, state: str) -> None:
    """Whose turn it is from now on."""
    ticket.state, ticket.changed_at = state, now()
    ticket.closed_at = now() if state == "closed" else None


def _mail(
    kind: str, ticket: Ticket, own: str, before: Sequence[str], *, automatic: str, **context: Any
) -> None:
    headers = {"Message-ID": own, "Auto-Submitted": automatic}
    if before:
        headers |= {"In-Reply-To": before[-1], "References": " ".join(before)}
    if automatic != "no":
        headers["X-Auto-Response-Suppress"] = "All"
    notices.queue(kind, ticket.email, headers=headers, ticket=ticket, **context)


def _token(ticket: Ticket) -> str:
    return tokens.sign_for_address(Purpose.TICKET, ticket.id)


def _reference() -> str:
    while True:
        made = "".join(secrets.choice(ALPHABET) for _ in range(8))
        if db.session.scalar(sa.select(Ticket.id).where(Ticket.reference == made)) is None:
            return made


def _subject(subject: str, text: str) -> str:
    subject = " ".join(SUBJECT_MARK.sub("", subject).split())
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return (subject or first[:80] or "(no subject)")[:300]


def _staff_addresses(ticket: Ticket) -> list[str]:
    """Those who answer, where mail to the operator's address comes to this desk itself."""
    config = settings.get()
    is_read_here = config.OPERATOR_EMAIL.lower().endswith(f"@{config.MAIL_DOMAIN.lower()}")
    if not is_read_here:
        own = sa.select(Mailbox.id).where(Mailbox.account_id.is_(None)).limit(1)
        is_read_here = db.session.scalar(own) is not None
    if not is_read_here:
        return [config.OPERATOR_EMAIL]
    return [member.email for member in staff_for(ticket.purpose)][:10]


def staff_for(purpose: str) -> list[Member]:
    """The operator's people who see tickets of a purpose."""
    nobody = sa.literal([], Member.staff_roles.type)
    staff = db.session.scalars(
        sa.select(Member).where(Member.staff_roles != nobody).order_by(Member.id).limit(200)
    )
    return [member for member in staff if SEEN_BY[purpose] & set(member.staff_roles or ())]
