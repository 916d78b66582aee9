"""A campaign compiled once, then filled in for each recipient. Pure, but for reading its links.

Plain merge tags become slots of a mold; where a source uses logic, that part is run as Liquid for
each recipient. Either way values are escaped for the place where they stand.
"""

from __future__ import annotations

import secrets
import time
from binascii import hexlify
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from email.utils import formatdate
from functools import lru_cache
from typing import Any, cast

import sqlalchemy as sa

from app.accounts import report_hooks, signing_keys
from app.accounts.models import Account
from app.campaigns import liquid
from app.campaigns.archive import deciding
from app.campaigns.content import Content
from app.campaigns.content import compile as compile_content
from app.campaigns.models import Campaign
from app.contacts.models import Contact
from app.core import settings
from app.core.db import db
from app.core.tokens import Purpose, packed, seal_for
from app.delivery import linking
from app.delivery.models import Delivery
from app.delivery.signing import FixedUrl, PlainUrl, SignedUrl
from app.mailer import dkim, message
from app.mailer.address import envelope
from app.mailer.message import Mold, Part
from app.mailer.providers.common import MARK

HEADERS = (
    "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "List-Unsubscribe",
    "List-Unsubscribe-Post", "List-Id", "Feedback-ID", "MIME-Version", "Content-Type",
    f"X-PM-Metadata-{MARK}", "X-SMTPAPI",
)  # fmt: skip
#: Above this, quoted-printable wastes more than base64 would.
SWOLLEN = 1.4
#: How many values of a merge tag are kept as they stand in mails, and which are too long for it.
REMEMBERED, LONG = 2048, 100
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
    packed: bytes = b""
    """The delivery's number as tokens have it."""

    def __post_init__(self) -> None:
        self.packed = packed(self.delivery_id)


Url = PlainUrl | SignedUrl


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
        self.urls = _urls(campaign, links, tracking=tracking, test=test)
        self.uses_fields = "fields" in f"{content.subject}{content.html}{content.text}"
        """Whether any merge tag may ask for a field of the account's own."""
        self._bounce = seal_for(Purpose.BOUNCE)
        boundary = f"ls-{secrets.token_hex(12)}"
        tracked = _tracked(content, links, tracking) if tracking != "none" else content
        headers = _headers(campaign, self.urls["unsubscribe"], test=test)
        self._plain = self._mold(content, headers, boundary)
        self._tracked = self._mold(tracked, headers, boundary)

    def render(self, reader: Reader) -> bytes:
        """The mail of one recipient, signed, as it goes to the mail server."""
        made = (self._tracked if reader.tracked else self._plain).fill(reader)
        return dkim.sign(made, self.signers) if self.signers else made

    def envelope_from(self, reader: Reader) -> str:
        """The bounce address of one mail (VERP)."""
        return f"b+{self._bounce(reader.packed).hex()}@{self.domain}"

    def _mold(
        self, content: Content, headers: list[tuple[str, list[Any]]], boundary: str
    ) -> Mold[Reader]:
        top = [
            *headers,
            ("To", [lambda reader: (reader.to or envelope(reader.email)).encode()]),
            ("Subject", [self._subject(content.subject)]),
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

        @lru_cache(maxsize=REMEMBERED)
        def encoded(text: str) -> bytes:
            return message.unstructured(text, used)

        def subject(reader: Reader) -> bytes:
            words = [p if isinstance(p, str) else p.evaluate(reader.values) for p in pieces]
            return encoded("".join(words))

        return subject

    def _body(self, source: str, kind: str) -> tuple[str, list[Any]]:
        parts = liquid.simple_parts(source, kind)
        if _swells(source):
            run = self._run(source, kind)
            return "base64", [lambda reader: message.in_base64(run(reader))]
        if parts is None:
            run = self._run(source, kind)
            return "quoted-printable", [lambda reader: message.quoted_printable(run(reader))]
        return "quoted-printable", [one for part in parts if part for one in self._pieces(part)]

    def _pieces(self, part: str | liquid.Output) -> Sequence[bytes | Callable[[Reader], bytes]]:
        if isinstance(part, str):
            return [message.fixed(part)]
        evaluate = part.evaluate
        if part.path[:1] == ("account",):
            # The same for everybody.
            return [message.value(evaluate(self.account_values))]
        url = self.urls.get(part.path[1]) if part.path[:1] == ("links",) else None
        if url and not part.filters and len(part.path) == 2:
            return url.in_body
        if part.path[:1] == ("links",):
            return [lambda reader: message.value(evaluate(self._values(reader)))]
        if part.path[:1] == ("contact",) and len(part.path) == 2:
            return [_remembering(part)]
        return [lambda reader: message.value(evaluate(reader.values))]

    def _run(self, source: str, kind: str) -> Callable[[Reader], str]:
        """Fill in a whole source."""
        template = liquid.parse(source, kind)
        return lambda reader: template.render(self._values(reader))

    def _values(self, reader: Reader) -> dict[str, Any]:
        return {**reader.values, "links": {name: url(reader) for name, url in self.urls.items()}}


def _remembering(part: liquid.Output) -> Callable[[Reader], bytes]:
    """A value of the person. Many share a first name or have none, so the last ones made are
    kept."""
    apply, name = part.apply, part.path[1]

    @lru_cache(maxsize=REMEMBERED)
    def made(value: str) -> bytes:
        return message.value(apply(value))

    def slot(reader: Reader) -> bytes:
        value = reader.values["contact"].get(name)
        if value.__class__ is str and len(value) < LONG:
            return made(value)
        return message.value(apply(value))

    return slot


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
    urls = _urls(campaign, {}, tracking="none", test=not delivery_id)
    reader = reader_of(campaign.account, contact, delivery_id=delivery_id)
    values = {**reader.values, "links": {name: url(reader) for name, url in urls.items()}}
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


def _urls(
    campaign: Campaign, links: dict[str, int], *, tracking: str, test: bool
) -> dict[str, Url]:
    """The address behind each name under `links.`"""
    base, campaign_id = settings.get().BASE_URL, campaign.id

    def of_mail(path: str, purpose: Purpose) -> Url:
        if test:
            return FixedUrl(f"{base}/{path}/", purpose, 0, campaign_id)
        return SignedUrl(f"{base}/{path}/", purpose)

    def counted(path: str, purpose: Purpose, number: int, tail: str = "") -> Url:
        if tracking == "aggregate":
            return FixedUrl(f"{base}/{path}/", purpose, 0, number, tail=tail)
        behind = () if purpose is Purpose.OPEN else (number,)
        return SignedUrl(f"{base}/{path}/", purpose, *behind, tail=tail)

    preferences = of_mail("p", Purpose.PREFERENCES)
    made = {
        "unsubscribe": of_mail("u", Purpose.UNSUBSCRIBE),
        "preferences": preferences,
        "why": preferences.below("/why"),
        "browser": of_mail("v", Purpose.BROWSER),
        **_public(campaign),
    }
    if tracking != "none":
        made["beacon"] = counted("o", Purpose.OPEN, campaign_id, ".gif")
        for number in links.values():
            made[f"c{number}"] = counted("c", Purpose.CLICK, number)
    return made


def _public(campaign: Campaign) -> dict[str, Url]:
    """The page for everybody; nothing where there is none, so that `if links.archive` asks."""
    page = deciding.link_of(campaign)
    if not page:
        return {}
    whole = PlainUrl(page)
    return {"archive": whole, "share": whole.below("#share"), "friend": whole.below("/tell")}


def _headers(campaign: Campaign, leave: Url, *, test: bool) -> list[tuple[str, list[Any]]]:
    domain = settings.get().MAIL_DOMAIN
    feedback_id = f"c{campaign.id}:a{campaign.account_id}:campaign:leadersend"
    headers: list[tuple[str, list[Any]]] = [
        ("From", [message.mailbox(campaign.from_name, campaign.from_email)]),
        ("Date", [lambda reader: _date(int(time.time()))]),
        ("Message-ID", _message_id(campaign.id, domain, test=test)),
        ("List-Unsubscribe", _ways_out(leave, domain, test=test)),
        ("List-Unsubscribe-Post", [b"List-Unsubscribe=One-Click"]),
        ("List-Id", [_list_id(campaign, domain)]),
        ("Feedback-ID", [feedback_id.encode()]),
    ]
    if not test:
        headers += _for_providers(report_hooks.providers_for(campaign.account_id))
    if campaign.reply_to:
        headers.insert(1, ("Reply-To", [message.mailbox("", campaign.reply_to)]))
    return headers


def _message_id(campaign_id: int, domain: str, *, test: bool) -> list[Any]:
    if test:
        return [lambda reader: f"<test.{secrets.token_hex(12)}@{domain}>".encode()]
    # Signed, since complaints are found by it.
    token = _in_address(Purpose.MESSAGE)
    return [f"<c{campaign_id}.".encode(), token, f"@{domain}>".encode()]


def _for_providers(providers: set[str]) -> list[tuple[str, list[Any]]]:
    """Fields that a provider takes out of the mail and hands back in its reports.

    Only for providers that would not name our Message-ID or return path in each of them.
    """
    token = _in_address(Purpose.MESSAGE)
    made: dict[str, tuple[str, list[Any]]] = {
        "postmark": (f"X-PM-Metadata-{MARK}", [token]),
        "sendgrid": (
            "X-SMTPAPI",
            [f'{{"unique_args": {{"{MARK}": "'.encode(), token, b'"}}'],
        ),
    }
    return [made[one] for one in sorted(providers & made.keys())]


def _ways_out(leave: Url, domain: str, *, test: bool) -> list[Any]:
    if test:
        return [b"<", *leave.in_header, b">"]
    mail = [_in_address(Purpose.UNSUBSCRIBE), f"@{domain}?subject=unsubscribe>".encode()]
    return [b"<", *leave.in_header, b">,\r\n <mailto:u+", *mail]


def _in_address(purpose: Purpose) -> Callable[[Reader], bytes]:
    seal = seal_for(purpose)
    return lambda reader: hexlify(seal(reader.packed))


def _list_id(campaign: Campaign, domain: str) -> bytes:
    """Stable for the list that the campaign goes to; for the account where it is a segment."""
    lists = [row.list_id for row in campaign.audience if row.list_id and not row.excluded]
    own = f"l{min(lists)}.a{campaign.account_id}" if lists else f"a{campaign.account_id}"
    return f"<{own}.{domain}>".encode()


@lru_cache(maxsize=4)
def _date(second: int) -> bytes:
    return formatdate(second).replace("-0000", "+0000").encode()


def _swells(source: str) -> bool:
    """Whether base64 is the shorter way to write it."""
    raw = len(source.encode("utf-8", "replace")) or 1
    return raw > 200 and len(message.quoted_printable(source)) / raw > SWOLLEN
