"""A campaign compiled once, then filled in for each recipient. Pure, but for reading its links.

Plain merge tags become slots of a mold; where a source uses logic, that part is run as Liquid for
each recipient. Either way values are escaped for the place where they stand.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from functools import lru_cache
from typing import Any, cast

import sqlalchemy as sa

from app.accounts import signing_keys
from app.accounts.models import Account
from app.campaigns import liquid
from app.campaigns.content import Content
from app.campaigns.content import compile as compile_content
from app.campaigns.models import Campaign
from app.contacts.models import Contact
from app.core import settings
from app.core.db import db
from app.core.tokens import Purpose, sign, sign_for_address
from app.delivery import linking
from app.delivery.models import Delivery
from app.mailer import dkim, message
from app.mailer.address import envelope
from app.mailer.message import Mold, Part

HEADERS = (
    "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "List-Unsubscribe",
    "List-Unsubscribe-Post", "List-Id", "Feedback-ID", "MIME-Version", "Content-Type",
)  # fmt: skip
#: Above this, quoted-printable wastes more than base64 would.
SWOLLEN = 1.4
BEACON = (
    '<img src="{{ links.beacon }}" width="1" height="1" alt="" '
    'style="display:block;width:1px;height:1px;border:0">'
)


@dataclass(slots=True)
class Reader:
    """What the mold needs to know of one recipient."""

    delivery_id: int
    email: str
    values: dict[str, Any]
    """As `liquid.contact_values` gives them."""
    tracked: bool = True
    to: str = ""
    """The address as the envelope has it, where that is known already."""
    urls: dict[str, str] = field(default_factory=dict)
    """Links made for this mail so far, so that each is signed once."""
    slots: dict[str, bytes] = field(default_factory=dict)
    """The same as they stand in the body."""


Linker = Callable[[Reader], str]


@dataclass(frozen=True)
class Rendered:
    """One recipient's mail, before it becomes MIME."""

    subject: str
    html: str
    text: str


class CampaignMold:
    """Everything of a campaign that is the same for all."""

    def __init__(
        self, campaign: Campaign, *, tracking: str, links: dict[str, int], test: bool = False
    ) -> None:
        content = compile_content(campaign)
        message.refuse_smuggling(campaign.from_name, "The sender's name")
        message.refuse_smuggling(content.subject, "The subject")
        self.campaign_id = campaign.id
        self.signers = signing_keys.signers(campaign.account_id, campaign.from_email)
        self.domain = settings.get().MAIL_DOMAIN
        self.account_values = liquid.contact_values(campaign.account, None)
        self.linkers = _linkers(campaign.id, links, tracking=tracking, test=test)
        boundary = f"ls-{secrets.token_hex(12)}"
        tracked = _tracked(content, links, tracking) if tracking != "none" else content
        headers = _headers(campaign, test=test)
        self._plain = self._mold(content, headers, boundary)
        self._tracked = self._mold(tracked, headers, boundary)

    def render(self, reader: Reader) -> bytes:
        """The mail of one recipient, signed, as it goes to the mail server."""
        made = (self._tracked if reader.tracked else self._plain).fill(reader)
        return dkim.sign(made, self.signers) if self.signers else made

    def envelope_from(self, delivery_id: int) -> str:
        """The bounce address of one mail (VERP)."""
        return f"b+{sign_for_address(Purpose.BOUNCE, delivery_id)}@{self.domain}"

    def _mold(
        self, content: Content, headers: list[tuple[str, Any]], boundary: str
    ) -> Mold[Reader]:
        top = [
            *headers,
            ("To", lambda reader: (reader.to or envelope(reader.email)).encode()),
            ("Subject", self._subject(content.subject)),
        ]
        parts = [
            Part("text/plain", *self._body(content.text, "text")),
            Part("text/html", *self._body(content.html, "html")),
        ]
        return Mold(top, parts, boundary)

    def _subject(self, source: str) -> bytes | Callable[[Reader], bytes]:
        used = len("Subject: ")
        parts = liquid.simple_parts(source, "header")
        if parts is None or any(not isinstance(p, str) and p.path[:1] == ("links",) for p in parts):
            run = self._run(source, "header")
            return lambda reader: message.unstructured(run(reader), used)
        if all(isinstance(part, str) for part in parts):
            return message.unstructured("".join(cast(list[str], parts)), used)
        pieces = parts

        def subject(reader: Reader) -> bytes:
            words = [p if isinstance(p, str) else p.evaluate(reader.values) for p in pieces]
            return message.unstructured("".join(words), used)

        return subject

    def _body(self, source: str, kind: str) -> tuple[str, list[Any]]:
        parts = liquid.simple_parts(source, kind)
        if _swells(source):
            run = self._run(source, kind)
            return "base64", [lambda reader: message.in_base64(run(reader))]
        if parts is None:
            run = self._run(source, kind)
            return "quoted-printable", [lambda reader: message.quoted_printable(run(reader))]
        return "quoted-printable", [self._piece(part) for part in parts if part != ""]

    def _piece(self, part: str | liquid.Output) -> bytes | Callable[[Reader], bytes]:
        if isinstance(part, str):
            return message.fixed(part)
        evaluate = part.evaluate
        if part.path[:1] == ("account",):
            # The same for everybody.
            return message.value(evaluate(self.account_values))
        linker = self.linkers.get(part.path[1]) if part.path[:1] == ("links",) else None
        if linker and not part.filters and len(part.path) == 2:
            return _link_slot(part.path[1], linker)
        if part.path[:1] == ("links",):
            return lambda reader: message.value(evaluate(self._values(reader)))
        return lambda reader: message.value(evaluate(reader.values))

    def _run(self, source: str, kind: str) -> Callable[[Reader], str]:
        """Fill in a whole source."""
        template = liquid.parse(source, kind)
        return lambda reader: template.render(self._values(reader))

    def _values(self, reader: Reader) -> dict[str, Any]:
        links = {name: linker(reader) for name, linker in self.linkers.items()}
        return {**reader.values, "links": links}


def compile_campaign(campaign: Campaign) -> CampaignMold:
    """For sending: with the links that planning has kept."""
    links = {link.url: link.id for link in linking.rows(campaign.id)}
    return CampaignMold(campaign, tracking=campaign.tracking, links=links)


def compile_test(campaign: Campaign) -> CampaignMold:
    """For test mails: nothing counts, and the ways out only show that they work."""
    return CampaignMold(campaign, tracking="none", links={}, test=True)


def reader_of(
    account: Account, contact: Contact | None, *, delivery_id: int = 0, email: str = ""
) -> Reader:
    """A recipient for `CampaignMold.render`."""
    return Reader(
        delivery_id=delivery_id,
        email=email or (contact.email if contact else ""),
        values=liquid.contact_values(account, contact),
        tracked=not (contact and contact.tracking_off),
    )


def render_one(campaign: Campaign, contact: Contact | None, *, purpose: str = "test") -> Rendered:
    """What one person reads; `purpose` is test, browser or preview. Nothing in it counts."""
    content = compile_content(campaign)
    delivery_id = _delivery_id(campaign, contact) if purpose == "browser" else 0
    linkers = _linkers(campaign.id, {}, tracking="none", test=not delivery_id)
    reader = reader_of(campaign.account, contact, delivery_id=delivery_id)
    links = {name: linker(reader) for name, linker in linkers.items()}
    values = {**reader.values, "links": links}
    return Rendered(
        subject=liquid.parse(content.subject, "header").render(values),
        html=liquid.parse(content.html).render(values),
        text=liquid.parse(content.text, "text").render(values),
    )


def _delivery_id(campaign: Campaign, contact: Contact | None) -> int:
    if contact is None:
        return 0
    query = sa.select(Delivery.id).where(
        Delivery.campaign_id == campaign.id, Delivery.contact_id == contact.id
    )
    return db.session.scalar(query) or 0


def _tracked(content: Content, links: dict[str, int], tracking: str) -> Content:
    """The same content with counted links and the beacon."""

    def rename(url: str) -> str | None:
        number = links.get(url)
        return f"{{{{ links.c{number} }}}}" if number else None

    return replace(
        content,
        html=linking.with_beacon(linking.rewrite_html(content.html, rename), BEACON),
        text=linking.rewrite_text(content.text, rename),
    )


def _linkers(
    campaign_id: int, links: dict[str, int], *, tracking: str, test: bool
) -> dict[str, Linker]:
    """A function for each name under `links.` that makes its address."""
    base = settings.get().BASE_URL
    aggregate = tracking == "aggregate"

    def of_mail(path: str, purpose: Purpose) -> Linker:
        if test:
            always = f"{base}/{path}/{sign(purpose, 0, campaign_id)}"
            return lambda reader: always
        return lambda reader: f"{base}/{path}/{sign(purpose, reader.delivery_id)}"

    def click(link_id: int) -> Linker:
        if aggregate:
            always = f"{base}/c/{sign(Purpose.CLICK, 0, link_id)}"
            return lambda reader: always
        return lambda reader: f"{base}/c/{sign(Purpose.CLICK, reader.delivery_id, link_id)}"

    def beacon() -> Linker:
        if aggregate:
            always = f"{base}/o/{sign(Purpose.OPEN, 0, campaign_id)}.gif"
            return lambda reader: always
        return lambda reader: f"{base}/o/{sign(Purpose.OPEN, reader.delivery_id)}.gif"

    made = {
        "unsubscribe": _once("unsubscribe", of_mail("u", Purpose.UNSUBSCRIBE)),
        "preferences": _once("preferences", of_mail("p", Purpose.PREFERENCES)),
        "browser": _once("browser", of_mail("v", Purpose.BROWSER)),
    }
    if tracking != "none":
        made["beacon"] = beacon()
        for number in links.values():
            made[f"c{number}"] = _once(f"c{number}", click(number))
    return made


def _once(name: str, make: Linker) -> Linker:
    """Sign each address once a mail, though it stands in header, HTML and text."""

    def linker(reader: Reader) -> str:
        url = reader.urls.get(name)
        if url is None:
            url = reader.urls[name] = make(reader)
        return url

    return linker


def _headers(campaign: Campaign, *, test: bool) -> list[tuple[str, Any]]:
    domain = settings.get().MAIL_DOMAIN
    leave = _linkers(campaign.id, {}, tracking="none", test=test)["unsubscribe"]
    headers: list[tuple[str, Any]] = [
        ("From", message.mailbox(campaign.from_name, campaign.from_email)),
        ("Date", lambda reader: _date(int(time.time()))),
        ("Message-ID", _message_id(campaign.id, domain, test=test)),
        ("List-Unsubscribe", _ways_out(leave, domain, test=test)),
        ("List-Unsubscribe-Post", b"List-Unsubscribe=One-Click"),
        ("List-Id", _list_id(campaign, domain)),
        ("Feedback-ID", f"c{campaign.id}:a{campaign.account_id}:campaign:leadersend".encode()),
    ]
    if campaign.reply_to:
        headers.insert(1, ("Reply-To", message.mailbox("", campaign.reply_to)))
    return headers


def _message_id(campaign_id: int, domain: str, *, test: bool) -> Callable[[Reader], bytes]:
    if test:
        return lambda reader: f"<test.{secrets.token_hex(12)}@{domain}>".encode()

    # Signed, since complaints are found by it.
    def named(reader: Reader) -> bytes:
        token = sign_for_address(Purpose.MESSAGE, reader.delivery_id)
        return f"<c{campaign_id}.{token}@{domain}>".encode()

    return named


def _ways_out(leave: Linker, domain: str, *, test: bool) -> Callable[[Reader], bytes]:
    def ways(reader: Reader) -> bytes:
        if test:
            return f"<{leave(reader)}>".encode()
        mail = f"u+{sign_for_address(Purpose.UNSUBSCRIBE, reader.delivery_id)}@{domain}"
        return f"<{leave(reader)}>,\r\n <mailto:{mail}?subject=unsubscribe>".encode()

    return ways


def _list_id(campaign: Campaign, domain: str) -> bytes:
    """Stable for the list that the campaign goes to; for the account where it is a segment."""
    lists = [row.list_id for row in campaign.audience if row.list_id and not row.excluded]
    own = f"l{min(lists)}.a{campaign.account_id}" if lists else f"a{campaign.account_id}"
    return f"<{own}.{domain}>".encode()


@lru_cache(maxsize=4)
def _date(second: int) -> bytes:
    return formatdate(second).replace("-0000", "+0000").encode()


def _link_slot(name: str, linker: Linker) -> Callable[[Reader], bytes]:
    """A link of the body: in HTML and text the same."""

    def slot(reader: Reader) -> bytes:
        made = reader.slots.get(name)
        if made is None:
            made = reader.slots[name] = message.value(linker(reader))
        return made

    return slot


def _swells(source: str) -> bool:
    """Whether base64 is the shorter way to write it."""
    raw = len(source.encode("utf-8", "replace")) or 1
    return raw > 200 and len(message.quoted_printable(source)) / raw > SWOLLEN
