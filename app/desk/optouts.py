"""People who write that they want no more mail: recognised, matched, executed.

A letter that quotes or answers one of our mails, from the address that got it, is surely about
that sender. Else whoever wrote is looked for by address: as a member with a consent of ours, and
as a contact of the accounts. One match is acted upon; with several, staff sees them and presses
one button.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.accounts import auditing
from app.accounts.models import Account, Member
from app.campaigns.models import Campaign
from app.contacts import consent, suppressions
from app.contacts.models import Contact
from app.core import settings
from app.core.db import db
from app.core.errors import NotFound
from app.delivery.models import Delivery
from app.desk import tickets
from app.desk.models import Ticket
from app.desk.reading import Post
from app.privacy import consenting
from app.tracking import leaving

SHORT = 400
MOST = 50
#: Accounts that are looked through with one statement.
TOGETHER = 500
_WISH = (
    r"unsubscri\w*|opt[\s-]?(?:me[\s-])?out|(?:remove|delete|take)\s+me|stop\s+(?:mail|send|e-?mail)\w*"
    r"|no\s+more\s+(?:e-?mails?|newsletters?|mails?)|abmeld\w*|abbestell\w*|austragen|keine\s+(?:weiteren?\s+)?"
    r"(?:e-?mails?|newsletter)|d[eé]s(?:inscri|abonn)\w*|plus\s+(?:de|d')\s*(?:e-?mails?|newsletter)"
    r"|darme?\s+de\s+baja|(?:cancelar|anular)\s+(?:mi\s+)?suscripci[oó]n|disiscri\w*|cancellami"
    r"|uitschrijven|afmelden|geen\s+(?:e-?mails?|nieuwsbrief)"
)
_WISHES = re.compile(rf"\b(?:{_WISH})", re.IGNORECASE)
_ONLY = re.compile(
    rf"\s*(?:(?:re|aw|fwd?|wg)\s*:\s*)*(?:please\s+|bitte\s+)?(?:{_WISH}|stop|remove)"
    r"(?:\s+(?:me|us|please|from\s+\S+(?:\s+\S+){0,2}))?\s*[.!]*\s*",
    re.IGNORECASE,
)
#: Somebody asks how it is done, or says that they do not mean it.
_DOUBT = re.compile(
    r"\?|\b(?:how|wie|comment|cómo|come|hoe)\b|\b(?:do\s+not|don'?t|did\s+not|didn'?t|cannot|can'?t|"
    r"nicht|my\s+(?:subscribers|customers|list|contacts|readers))\b",
    re.IGNORECASE,
)
#: Our own way out, in mails that programs quote whole without a mark.
_LINKS = re.compile(r"https?://\S+")


@dataclass(frozen=True)
class Candidate:
    """Somebody who may be meant."""

    key: str
    """contact-7, or member-3."""
    email: str
    sender: str
    """Whose mail would end: the business, or the operator's own news."""
    why: str
    is_sure: bool
    """The letter names a mail that went to this very address."""
    last_name: str = ""
    last_at: datetime | None = None


def wish_of(post: Post) -> str:
    """sure, perhaps or "": whether the letter says that its writer wants no more mail."""
    fresh = _LINKS.sub("", post.fresh)
    if _ONLY.fullmatch(post.subject) and not _DOUBT.search(fresh[:SHORT]):
        return "sure"
    if not (_WISHES.search(fresh) or _WISHES.search(post.subject)):
        # Nothing else than a wish is short; on long texts the pattern would take for ever.
        return "sure" if len(fresh) <= SHORT and _ONLY.fullmatch(fresh) else ""
    is_plain = len(fresh) <= SHORT and not _DOUBT.search(fresh) and not _DOUBT.search(post.subject)
    return "sure" if is_plain else "perhaps"


def candidates(ticket: Ticket) -> list[Candidate]:
    """Who may be meant: those of the mails that were named, then those of the same address."""
    found = _by_mails(ticket.quoted or [], ticket.email)
    known = {one.key for one in found}
    others = [*_members(ticket.email), *_by_address(ticket.email)]
    return [*found, *(one for one in others if one.key not in known)][:MOST]


def settle(ticket: Ticket, wish: str) -> str:
    """Act on a wish as far as that is sure; returns done, nothing or waiting."""
    found = candidates(ticket)
    sure = [one for one in found if one.is_sure]
    if wish != "sure":
        ticket.leaving = "waiting" if found else ""
        return ticket.leaving
    if sure:
        chosen: Sequence[Candidate] = sure
    elif len(found) == 1 and found[0].email.lower() == ticket.email:
        chosen = found
    elif not found:
        _answer(ticket, "nothing", [])
        return "nothing"
    else:
        ticket.leaving = "waiting"
        return "waiting"
    execute(ticket, [one.key for one in chosen], by=None)
    return "done"


def execute(ticket: Ticket, keys: Sequence[str], *, by: Member | None) -> list[str]:
    """End the mail of these candidates and say so; returns the senders. Raises NotFound."""
    offered = {one.key: one for one in candidates(ticket)}
    if not keys or not set(keys) <= set(offered):
        raise NotFound("One of those people")
    senders = [offered[key].sender for key in keys]
    for key in keys:
        _end(ticket, key, by)
    tickets.event(ticket, f"No more mail from: {', '.join(senders)}.", by=by)
    _answer(ticket, "done", senders)
    return senders


def decline(ticket: Ticket, *, by: Member) -> None:
    """It was no such wish: the letter is a ticket like any other."""
    ticket.leaving = ""
    tickets.event(ticket, "Not a wish to leave.", by=by)


def _answer(ticket: Ticket, outcome: str, senders: Sequence[str]) -> None:
    ticket.leaving = outcome
    if not tickets.confirm(ticket, "opt_out", senders=list(dict.fromkeys(senders))):
        tickets.event(ticket, "No confirmation was mailed: the address got enough today.")
    tickets.change_state(ticket, "closed")


def _end(ticket: Ticket, key: str, by: Member | None) -> None:
    kind, _, number = key.partition("-")
    if kind == "member":
        member = db.session.get_one(Member, int(number))
        consenting.record(member, None, "marketing_email", granted=False)
        return
    contact = db.session.get_one(Contact, int(number))
    delivery_id = _named_delivery(ticket, contact)
    if delivery_id:
        leaving.leave(leaving.visit_of((delivery_id,)), source="mail")
    else:
        consent.withdraw(contact, source="mail", evidence={"ticket": ticket.id})
    if by is not None:
        account = db.session.get_one(Account, contact.account_id)
        auditing.note(account, by, "desk.opt_out", f"letter {ticket.reference}")


def _named_delivery(ticket: Ticket, contact: Contact) -> int | None:
    return db.session.scalar(
        sa.select(Delivery.id)
        .where(Delivery.id.in_(ticket.quoted or []), Delivery.contact_id == contact.id)
        .limit(1)
    )


def _by_mails(delivery_ids: Sequence[int], sender: str) -> list[Candidate]:
    if not delivery_ids:
        return []
    rows = db.session.execute(
        sa.select(Contact, Account.name, Campaign.name, Delivery.sent_at)
        .join(Delivery, Delivery.contact_id == Contact.id)
        .join(Campaign, Campaign.id == Delivery.campaign_id)
        .join(Account, Account.id == Contact.account_id)
        .where(Delivery.id.in_(list(delivery_ids)))
        .order_by(Delivery.id)
        .limit(MOST)
    )
    found: dict[int, Candidate] = {}
    for contact, account, campaign, sent_at in rows:
        is_own = contact.address == sender
        why = "The letter names this mail." if is_own else (
            "The letter names this mail, and came from another address."
        )  # fmt: skip
        found[contact.id] = Candidate(
            f"contact-{contact.id}", contact.email, account, why, is_own, campaign, sent_at
        )
    return list(found.values())


def _members(sender: str) -> list[Candidate]:
    member = db.session.scalar(sa.select(Member).where(Member.email == sender))
    if member is None:
        return []
    standing = consenting.standing(member).get("marketing_email")
    if standing is None or not standing.granted:
        return []
    return [
        Candidate(
            f"member-{member.id}", member.email, f"{settings.get().OPERATOR_NAME} (our own news)",
            "Signs in with this address and agreed to our news.", is_sure=False,
            last_at=standing.at,
        )
    ]  # fmt: skip


def _by_address(sender: str) -> list[Candidate]:
    """By the index of each account in turn: contacts are never searched as a whole."""
    found: list[Candidate] = []
    last = 0
    while len(found) < MOST:
        accounts = db.session.scalars(
            sa.select(Account.id).where(Account.id > last).order_by(Account.id).limit(TOGETHER)
        ).all()
        if not accounts:
            break
        last = accounts[-1]
        rows = db.session.execute(
            sa.select(Contact, Account.name)
            .join(Account, Account.id == Contact.account_id)
            .where(Contact.account_id.in_(accounts), Contact.address == sender)
            .order_by(Contact.account_id)
            .limit(MOST)
        )
        found += [
            _candidate(contact, account)
            for contact, account in rows.all()
            if suppressions.find(contact.account_id, contact.address) is None
        ]
    return found[:MOST]


def _candidate(contact: Contact, account: str) -> Candidate:
    last = db.session.execute(
        sa.select(Campaign.name, Delivery.sent_at)
        .join(Delivery, Delivery.campaign_id == Campaign.id)
        .where(Delivery.contact_id == contact.id, Delivery.state == "sent")
        .order_by(Delivery.id.desc())
        .limit(1)
    ).first()
    name, at = (last[0], last[1]) if last else ("", None)
    return Candidate(
        f"contact-{contact.id}", contact.email, account, "The same address.", False, name, at
    )
