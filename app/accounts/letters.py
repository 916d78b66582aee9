"""The words of a system mail, and the mail as bytes for a server."""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from app.accounts.models import Notice
from app.config import CHECKOUT
from app.core import settings
from app.core.templating import full_moment, number
from app.core.tokens import hashed

#: Addresses of pages and mails. No program reads them as encoded words (RFC 2047, section 5), which
#: the library makes of each that is longer than a line.
_UNBROKEN = {"list-unsubscribe", "message-id", "in-reply-to", "references"}


class _Whole(EmailPolicy):
    """Lines end as SMTP has it, and long links stay whole."""

    def fold_binary(self, name: str, value: str) -> bytes:
        if name.lower() in _UNBROKEN and value.isascii():
            return f"{name}: {f'{self.linesep} '.join(value.split())}{self.linesep}".encode()
        return super().fold_binary(name, value)


_SMTP, _SMTPUTF8 = _Whole(linesep="\r\n"), _Whole(linesep="\r\n", utf8=True)


def render(kind: str, **context: Any) -> tuple[str, str, str]:
    """Subject, plain text and HTML of a kind."""
    values = {"settings": settings.get(), **context}

    def part(name: str) -> str:
        return _templates().get_template(f"emails/{kind}/{name}").render(values)

    return " ".join(part("subject.txt").split()), part("body.txt").strip() + "\n", part("body.html")


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(CHECKOUT / "templates"),
        autoescape=select_autoescape(["html"], default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(number=number, full_moment=full_moment)
    return environment


def compose(notice: Notice) -> tuple[bytes, str]:
    """The message and its envelope sender.

    The Message-ID is the same at every try, so that a second copy can be known as such.
    """
    config = settings.get()
    plain = notice.to_email.isascii()
    message = EmailMessage(policy=_SMTP if plain else _SMTPUTF8)
    message["Subject"] = notice.subject
    message["From"] = _mailbox(config.OPERATOR_NAME, config.OPERATOR_EMAIL)
    message["To"] = _mailbox("", notice.to_email)
    message["Date"] = format_datetime(notice.created_at)
    unique = hashed(f"{notice.id} {notice.created_at.isoformat()}")[:16]
    message["Message-ID"] = f"<notice-{notice.id}.{unique}@{config.MAIL_DOMAIN}>"
    message["Auto-Submitted"] = "auto-generated"
    for name, value in notice.headers.items():
        del message[name]
        message[name] = value
    message.set_content(notice.text)
    if notice.html:
        message.add_alternative(notice.html, subtype="html")
    return message.as_bytes(), config.OPERATOR_EMAIL


def _mailbox(name: str, email: str) -> Address:
    local, _, domain = email.rpartition("@")
    return Address(name, local, domain)
