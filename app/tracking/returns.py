"""What one mail that came back means, whichever way it came: the mail door or a mailbox.

`b+…` is a bounce address, `u+…` takes out; at `abuse@` and `fbl@` readers' complaints arrive, and
which of our mails they are about stands, signed, in what they quote.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from email.message import Message

import sqlalchemy as sa

from app.campaigns.models import Campaign
from app.core import settings
from app.core.clock import now
from app.core.db import db, insert
from app.core.errors import NotFound
from app.core.tokens import BadToken, Purpose, hashed, read_from_address
from app.delivery import bounces, braking, deciding
from app.delivery.models import Delivery, Event
from app.mailer import dsn, traces
from app.mailer.dsn import Finding
from app.mailer.providers.common import Told
from app.mailer.traces import Traces
from app.tracking import leaving, marking
from app.tracking.counting import Counts
from app.tracking.models import Intake

log = logging.getLogger(__name__)

#: What is read of a mail. What it has to say stands at its beginning.
LARGEST_BYTES = dsn.READ_BYTES
COMPLAINT_BOXES = ("abuse", "fbl")
#: How long the same mail is known as such.
REMEMBERED = timedelta(days=30)
#: The same for reports of providers, which are too old to be taken long before.
POSTS_REMEMBERED = timedelta(days=2)


@dataclass(frozen=True)
class Letter:
    """A mail, read: what matters of it, so that many fit into memory."""

    name: str
    """Its Message-ID, hashed; of its content where it has none."""
    is_automatic: bool
    """Whether a program wrote it: a bounce, an absence note (RFC 3834)."""
    findings: Sequence[Finding]
    quoted: Traces
    answers: tuple[str, ...]
    """Message tokens of ours that it replies to."""

    @property
    def is_complaint(self) -> bool:
        return any(finding.verdict == "complaint" for finding in self.findings)

    @property
    def is_report(self) -> bool:
        return any(finding.verdict != "none" for finding in self.findings)


def read(sender: str, data: bytes, *, judges: bool = True) -> Letter:
    """Read a mail. `sender` is the envelope's; empty for bounces. Looking for what a report says
    takes its time: without `judges`, only where the mail says by its header that it is one."""
    data = data[:LARGEST_BYTES]
    domain = settings.get().MAIL_DOMAIN
    message = dsn.read(data)
    return Letter(
        name=_name(message, data),
        is_automatic=sender in ("", "<>") or _says_automatic(message),
        findings=dsn.judge(message) if judges or _may_be_report(sender, message) else (),
        quoted=traces.find(data, message, domain),
        answers=traces.named(message, domain),
    )


def act(
    recipient: str, letter: Letter, events: list[Event], *, account_id: int | None = None
) -> str:
    """Act on a mail to one recipient; what became of it. `events` collects what was written.

    Only mails of `account_id` are touched, where one is given. Call inside a transaction.
    """
    local = recipient.rpartition("@")[0].lower()
    kind, plus, token = local.partition("+")
    if kind in COMPLAINT_BOXES and not plus:
        return complain(letter, events, account_id=account_id)
    purpose = {"u": Purpose.UNSUBSCRIBE, "b": Purpose.BOUNCE}.get(kind)
    if not plus or purpose is None:
        return "odd"
    numbers = _opened(purpose, token)
    if numbers is None:
        _count_forged()
        return "forged"
    if account_id is not None and not _is_of(numbers, account_id):
        return "gone"
    return _leave(numbers, letter) if kind == "u" else _bounce(numbers, letter, events)


def complain(letter: Letter, events: list[Event], *, account_id: int | None = None) -> str:
    """A complaint that did not come to a bounce address: the quoted mail tells whose it is."""
    if not letter.is_complaint:
        return "odd"
    numbers = quoted_delivery(letter)
    if numbers is None:
        _count_forged()
        return "forged"
    if account_id is not None and not _is_of(numbers, account_id):
        return "gone"
    return _bounce(numbers, letter, events)


def report(letter: Letter, events: list[Event], *, account_id: int | None = None) -> str:
    """A bounce or complaint in a mailbox, under no address of ours: by the mail it quotes."""
    numbers = quoted_delivery(letter)
    if numbers is None or (account_id is not None and not _is_of(numbers, account_id)):
        return "odd"
    return _bounce(numbers, letter, events)


def quoted_delivery(letter: Letter) -> tuple[int, ...] | None:
    """The one mail of ours that a report quotes; None where there is none, or several."""
    found = {
        numbers
        for purpose, tokens in (
            (Purpose.MESSAGE, letter.quoted.message),
            (Purpose.BOUNCE, letter.quoted.bounce),
            (Purpose.UNSUBSCRIBE, letter.quoted.leave),
        )
        for token in tokens
        if (numbers := _opened(purpose, token)) and len(numbers) == 1
    }
    return found.pop() if len(found) == 1 else None


def named_deliveries(letter: Letter) -> list[int]:
    """Every mail of ours that a letter answers or quotes, by Delivery, in that order."""
    marks = [
        *((Purpose.MESSAGE, token) for token in letter.answers),
        *((Purpose.MESSAGE, token) for token in letter.quoted.message),
        *((Purpose.UNSUBSCRIBE, token) for token in letter.quoted.leave),
        *((Purpose.BOUNCE, token) for token in letter.quoted.bounce),
    ]
    found = (opened for mark in marks if (opened := _opened(*mark)) and len(opened) == 1)
    return list(dict.fromkeys(numbers[0] for numbers in found))[:20]


def arrived(letter: Letter, *, account_id: int | None = None) -> int:
    """A reply proves that the mail arrived; returns how many this settled."""
    settled = 0
    for token in letter.answers:
        numbers = _opened(Purpose.MESSAGE, token)
        if numbers and (account_id is None or _is_of(numbers, account_id)):
            settled += deciding.prove_arrival(numbers[0])
    return settled


def marked_delivery(token: str, texts: Sequence[str]) -> int | None:
    """The one mail of ours that a provider names: by the header made for it, or by the marks that
    every mail carries. None where there is none, or several."""
    found = traces.in_texts(list(texts), settings.get().MAIL_DOMAIN)
    given = [(Purpose.MESSAGE, token)] if token else []
    marks = [
        *given,
        *((Purpose.MESSAGE, one) for one in found.message),
        *((Purpose.BOUNCE, one) for one in found.bounce),
    ]
    numbers = {opened for mark in marks if (opened := _opened(*mark)) and len(opened) == 1}
    return numbers.pop()[0] if len(numbers) == 1 else None


def deliveries(numbers: Collection[int], account_id: int | None) -> dict[int, Delivery]:
    """Those that exist, by their number; only of `account_id`, where one is given."""
    query = sa.select(Delivery).where(Delivery.id.in_(numbers))
    if account_id is not None:
        query = query.join(Campaign, Campaign.id == Delivery.campaign_id).where(
            Campaign.account_id == account_id
        )
    query = query.execution_options(populate_existing=True)
    return {found.id: found for found in db.session.scalars(query)}


def hear(delivery: Delivery, told: Told, name: str, events: list[Event]) -> None:
    """Act on what a provider tells of a mail. Call inside a transaction.

    `name` is the same whenever the same piece of news is told; `events` collects what was
    written.
    """
    if told.what == "nothing":
        return
    if delivery.state == "uncertain":
        prove = deciding.prove_delivery if told.what == "delivered" else deciding.prove_departure
        prove(delivery.id)
    if told.what == "unsubscribed":
        leaving.leave(leaving.visit_of((delivery.id,)), source="provider")
    elif told.finding is not None and _is_first(f"{name} {delivery.id}"):
        event = bounces.record(delivery, [told.finding])
        events += [event] if event else []


def finish(events: Sequence[Event]) -> None:
    """Count what came back, and let the brake decide whether it is too much."""
    count_returns(events)
    for campaign_id in sorted({event.campaign_id for event in events}):
        braking.look(campaign_id)


def forget_old() -> int:
    """Mails and reports that came long ago need not be known any more; returns how many."""
    forgotten = 0
    for kind, kept in (("seen ", REMEMBERED), ("post ", POSTS_REMEMBERED)):
        result = db.session.execute(
            sa.delete(Intake).where(Intake.name.startswith(kind), Intake.at < now() - kept)
        )
        forgotten += int(result.rowcount)  # type: ignore[attr-defined]
    return forgotten


def _name(message: Message, data: bytes) -> str:
    known = " ".join(str(message.get("Message-ID") or "").split())
    return hashed(known or data.decode("latin-1"))


def _may_be_report(sender: str, message: Message) -> bool:
    says = " ".join(str(message.get(name) or "")[:500] for name in ("Content-Type", "Subject"))
    return (
        sender in ("", "<>")
        or bool(dsn.DAEMON.search(str(message.get("From") or "")[:500]))
        or any(word in says.lower() for word in ("report", "undeliver", "delivery", "returned"))
    )


def _says_automatic(message: Message) -> bool:
    return not str(message.get("Auto-Submitted") or "no").strip().lower().startswith("no")


def _opened(purpose: Purpose, token: str) -> tuple[int, ...] | None:
    try:
        return read_from_address(purpose, token)
    except (BadToken, ValueError):
        return None


def _is_of(numbers: tuple[int, ...], account_id: int) -> bool:
    owner = db.session.scalar(
        sa.select(Campaign.account_id)
        .join(Delivery, Delivery.campaign_id == Campaign.id)
        .where(Delivery.id == numbers[0])
    )
    return owner == account_id


def _leave(numbers: tuple[int, ...], letter: Letter) -> str:
    if letter.is_automatic:
        # Nobody wishes to leave, but the mail that has this address must have come.
        deciding.prove_departure(numbers[0])
        return "automatic"
    try:
        guest = leaving.visit_of(numbers)
    except NotFound:
        return "gone"
    leaving.leave(guest, source="mail")
    return "left"


def _bounce(numbers: tuple[int, ...], letter: Letter, events: list[Event]) -> str:
    delivery = db.session.get(Delivery, numbers[0]) if len(numbers) == 1 else None
    if delivery is None:
        return "gone"
    if not _is_new(letter, delivery.id):
        return "known"
    if event := bounces.record(delivery, letter.findings):
        events.append(event)
    return "bounced"


def _is_new(letter: Letter, delivery_id: int) -> bool:
    """Whether this mail was not taken before, by this or another way."""
    return _is_first(f"{letter.name} {delivery_id}")


def _is_first(name: str) -> bool:
    return marking.is_first(f"seen {hashed(name)}")


def count_returns(events: Iterable[Event]) -> None:
    """Add bounces and complaints, written as Events just now, to the kept counters."""
    counts = Counts()
    for event in events:
        verdict = event.verdict or ""
        counts.hit(event.campaign_id, event.kind, verdict, at=event.at)
        counts.person(event.campaign_id, event.kind, verdict)
    counts.write()


def _count_forged() -> None:
    """How many came to addresses that we never gave out, or about mails that we never sent."""
    log.warning("inbound mail to a forged or cut address")
    more = sa.cast(sa.cast(Intake.cursor, sa.Integer) + 1, sa.String)
    db.session.execute(
        insert(Intake)
        .values(name="forged", cursor="1", at=now())
        .on_conflict_do_update(index_elements=["name"], set_={"cursor": more, "at": now()})
    )
