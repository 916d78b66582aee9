"""Mail to the operator's address: what it is, and where it goes.

The mail door and the reader of the operator's mailbox write each mail into a file of `desk/`.
Files are claimed by renaming them, acted upon one by one in a transaction each, and removed; a
mark says in that transaction that it was done, so that a mail that comes twice counts once.

Bounces of campaigns go where all bounces go; what programs wrote is otherwise ignored (RFC 3834),
so that no two machines ever talk to each other; wishes to leave are executed; replies go into
their ticket; everything else becomes one.
"""

from __future__ import annotations

import json
import logging
import re
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from app.accounts.models import Member
from app.core import settings, spool
from app.core.clock import now
from app.core.db import db, transaction
from app.core.tokens import hashed
from app.delivery.models import Event
from app.desk import optouts, reading, tickets
from app.desk.models import Ticket
from app.desk.reading import Post
from app.tracking import marking, returns

log = logging.getLogger(__name__)

FOLDER = "desk"
MOST_ODD = 200
LONGEST_S = 10.0


def take_letters() -> int:
    """Work what has come in; returns how many mails. Several at once do no harm."""
    folder = settings.get().LEADERSEND_HOME / FOLDER
    if not folder.is_dir():
        return 0
    spool.give_back(folder)
    done, end = 0, time.monotonic() + LONGEST_S
    for path in sorted(folder.glob("*.eml")):
        if time.monotonic() > end:
            break
        done += _take(path)
    return done


def _take(path: Path) -> int:
    claimed = spool.claim(path)
    if claimed is None:
        return 0
    sender, to, data = _contents(claimed)
    try:
        # Read before the transaction: a hostile mail takes a second, and nobody waits for that.
        opened = _opened(sender, to, data)
        with transaction(patience_s=5.0):
            outcome = _act(opened)
    except sa.exc.OperationalError:
        claimed.rename(path)  # the database is busy or away; the next tick comes back
        raise
    except Exception:
        log.exception("a letter is set aside: it cannot be worked")
        outcome = "odd"
    if outcome == "odd":
        spool.set_aside(claimed, path.name, MOST_ODD)
    else:
        claimed.unlink(missing_ok=True)
    return 1


def _contents(path: Path) -> tuple[str, str, bytes]:
    with path.open("rb") as file:
        first = file.readline(100_000)
        data = file.read(reading.LARGEST_BYTES + 1)
    try:
        envelope = json.loads(first)
        return str(envelope.get("from") or ""), str(envelope["to"][0]), data
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return "unknown", "", first + data


@dataclass(frozen=True)
class Opened:
    """A mail, read as often as it has to be."""

    to: str
    data: bytes
    letter: returns.Letter
    post: Post | None
    """None for a bounce or a complaint."""
    wish: str = ""


def _opened(sender: str, to: str, data: bytes) -> Opened:
    """Asks and changes nothing."""
    letter = returns.read(sender, data, judges=False)
    if letter.is_report:
        return Opened(to, data, letter, None)
    post = reading.read(sender, data)
    return Opened(to, data, letter, post, optouts.wish_of(post))


def _act(mail: Opened) -> str:
    """What became of a mail: known, bounce, ignored, left, reply, ticket. In a transaction."""
    letter, post, wish = mail.letter, mail.post, mail.wish
    if post is None:
        return _came_back(letter, mail.data)
    if not _is_first(post, mail.data):
        return "known"
    if post.is_automatic or not post.sender or _is_ours(post):
        return "ignored"
    returns.arrived(letter)
    ticket = tickets.named_by(post.answers) or tickets.referred_to(post.subject, post.sender)
    # What has become too long goes on in a new one: nobody's letter is lost for that.
    if ticket is not None and wish != "sure" and ticket.messages < tickets.MOST_MESSAGES:
        return _reply(ticket, post)
    return _new(post, wish, returns.named_deliveries(letter), mail.to)


def _reply(ticket: Ticket, post: Post) -> str:
    text = post.text
    if post.sender != ticket.email:
        # Whoever holds our answer may go on with it; staff sees that it is somebody else.
        text = f"(from {post.sender})\n\n{text}"
    tickets.hear(ticket, text, mail_id=post.mail_id, attached=post.files, left_out=post.left_out)
    tickets.tell_staff(ticket)
    return "reply"


def _new(post: Post, wish: str, quoted: list[int], to: str) -> str:
    newest, how_many = tickets.newest_of(post.sender, since=now() - timedelta(days=1))
    if newest is not None and how_many >= tickets.MOST_A_DAY:
        if newest.messages < tickets.MOST_MESSAGES:
            tickets.hear(newest, post.text, mail_id=post.mail_id, left_out=post.left_out)
        return "reply"
    ticket = _open(post, _purpose(wish, to))
    ticket.quoted = quoted
    if wish:
        outcome = optouts.settle(ticket, wish)
        if outcome in ("done", "nothing"):
            return "left"
    if not post.is_bulk:
        tickets.confirm(ticket)
    tickets.tell_staff(ticket)
    return "ticket"


def _purpose(wish: str, to: str) -> str:
    if to.lower().startswith("abuse@"):
        return "abuse"
    return "privacy" if wish else "support"


def _open(post: Post, purpose: str) -> Ticket:
    member = db.session.scalar(sa.select(Member).where(Member.email == post.sender))
    account = member.memberships[0].account if member and member.memberships else None
    return tickets.open_(
        email=post.sender, name=post.name, subject=post.subject, text=post.text, purpose=purpose,
        member=member, account=account, origin="mail", mail_id=post.mail_id,
        attached=post.files, left_out=post.left_out,
    )  # fmt: skip


def _came_back(letter: returns.Letter, data: bytes) -> str:
    """A bounce or a complaint: of a campaign, of an answer of ours, or of something else."""
    events: list[Event] = []
    outcome = (
        returns.complain(letter, events) if letter.is_complaint else returns.report(letter, events)
    )
    returns.finish(events)
    if outcome not in ("odd", "forged"):
        return "bounce"
    named = [f"<{one}>" for one in _OWN.findall(data[: returns.LARGEST_BYTES].decode("latin-1"))]
    ticket = tickets.named_by(named)
    if ticket is not None and ticket.messages < tickets.MOST_MESSAGES:
        why = next(one.reason for one in letter.findings if one.verdict != "none")
        tickets.event(ticket, f"Our mail to {ticket.email} came back: {why[:300]}")
        if ticket.state == "waiting":
            tickets.change_state(ticket, "open")
        return "bounce"
    return "ignored"


_OWN = re.compile(r"\bt\d{1,18}\.\d{1,18}\.[0-9a-f]{24,80}@[A-Za-z0-9.-]{1,253}")


def _is_ours(post: Post) -> bool:
    """Our own system mail, on its way round."""
    config = settings.get()
    own = (config.OPERATOR_EMAIL.lower(), f"postmaster@{config.MAIL_DOMAIN}".lower())
    return post.sender in own or post.mail_id.lower().startswith("<notice-")


def _is_first(post: Post, data: bytes) -> bool:
    """Whether this mail did not come before, by this or another way."""
    known = f"{post.mail_id} {post.sender}" if post.mail_id else data.decode("latin-1")
    return marking.is_first(f"seen desk {hashed(known)}")
