"""An account's own privacy page: written from what the account is set to do, so that the text and
what happens cannot say different things.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from app.accounts.models import Account, ApiToken, Mailbox, Relay, ReportHook, Sender
from app.campaigns import footers
from app.campaigns.models import ArchivePage, Campaign
from app.contacts.models import (
    ContactField,
    ContactList,
    FormVersion,
    Import,
    OpenField,
    PublicList,
    SignUpForm,
)
from app.contacts.signup.design import Design
from app.core import settings
from app.core.db import db
from app.mailer.providers import NAMES as PROVIDERS
from app.preferences import centre
from app.privacy import policy
from app.privacy.policy import Section, obfuscated
from app.tracking.texts import LANGUAGES, Texts

TEMPLATES = {
    language: f"preferences/_privacy{'' if language == 'en' else f'.{language}'}.txt"
    for language in LANGUAGES
}
#: The latest campaigns, from which the ways of counting are told.
CAMPAIGNS = 200
MOST = 50


@dataclass(frozen=True)
class Form:
    """A form that is open, as its visitors know it."""

    title: str
    asks: str
    """What it asks beside the address; empty for nothing."""


@dataclass(frozen=True)
class Facts:
    """What the account is set to do."""

    tracking: frozenset[str]
    """How the latest campaigns counted: none, aggregate, individual; empty before the first."""
    servers: Sequence[str]
    """Hosts of its mail servers; empty where the operator's carries its mail."""
    providers: Sequence[str]
    """Mail providers that report what became of mails."""
    mailboxes: Sequence[str]
    """Hosts at which bounces are fetched."""
    forms: Sequence[Form]
    lists: Sequence[str]
    """Names of lists that people may join by themselves."""
    fields: Sequence[str]
    """Labels of further fields that people see and correct."""
    more_fields: int
    """How many others there are."""
    has_imports: bool
    has_programs: bool
    """Whether programs of the account may enter people."""
    has_double_opt_in: bool
    has_archive: bool
    """Whether everybody may read some of its mails."""
    asks_reasons: bool
    """Whether people who leave are asked why."""
    says_goodbye: bool
    """Whether people who leave on a page get one mail that confirms it."""
    addresses: Sequence[str]
    """Of its senders, for people and not for harvesters."""

    @property
    def counts(self) -> bool:
        """Whether some mails are counted, in whichever way."""
        return bool(self.tracking - {"none"})

    @property
    def counts_nothing(self) -> bool:
        """Whether mails went out and none of them was counted."""
        return self.tracking == {"none"}


def text(account: Account, t: Texts) -> list[Section]:
    """The page by sections, in the language of `t`: a template of TEMPLATES, filled in.

    What the owner wrote stands as it is.
    """
    config, kept = settings.get(), centre.of(account)
    sections = policy.written(
        TEMPLATES[t.language], language=t.language, account=account, facts=facts(account),
        settings=config, relay=policy.own_relay(config), contact=_one_line(kept.privacy_contact),
        who=_who(account), named=footers.LANGUAGES[account.mail_language],
    )  # fmt: skip
    own = [" ".join(line.split()) for line in kept.privacy_words.splitlines() if line.strip()]
    if own:
        sections.append(Section(id="more", title=t("privacy_more"), paragraphs=own))
    return sections


def facts(account: Account) -> Facts:
    """Looked up anew for each page, each with a limit."""
    kept = centre.of(account)
    fields = db.session.execute(
        sa.select(ContactField.label, OpenField.field_id)
        .outerjoin(OpenField, OpenField.field_id == ContactField.id)
        .where(ContactField.account_id == account.id)
        .order_by(ContactField.position, ContactField.id)
        .limit(200)
    ).all()
    return Facts(
        tracking=frozenset(_tracking(account)),
        servers=_distinct(Relay.host, Relay.account_id == account.id),
        providers=[
            PROVIDERS.get(name, name)
            for name in _distinct(ReportHook.provider, ReportHook.account_id == account.id)
        ],
        mailboxes=_distinct(Mailbox.host, Mailbox.account_id == account.id),
        forms=_forms(account),
        lists=_lists(account),
        fields=[row.label for row in fields if row.field_id],
        more_fields=sum(not row.field_id for row in fields),
        has_imports=_is_any(Import.account_id == account.id),
        has_programs=_is_any(ApiToken.account_id == account.id, ApiToken.revoked_at.is_(None)),
        has_double_opt_in=_is_any(
            ContactList.account_id == account.id, ContactList.opt_in == "double",
            ContactList.archived_at.is_(None),
        ),
        has_archive=_is_any(ArchivePage.account_id == account.id, ArchivePage.is_public.is_(True)),
        asks_reasons=kept.with_reasons,
        says_goodbye=bool(kept.goodbye),
        addresses=[
            obfuscated(email)
            for email in _distinct(
                Sender.email, Sender.account_id == account.id, Sender.confirmed_at.is_not(None)
            )
        ],
    )  # fmt: skip


def _tracking(account: Account) -> Sequence[str]:
    latest = (
        sa.select(Campaign.tracking)
        .where(
            Campaign.account_id == account.id, Campaign.started_at.is_not(None),
            Campaign.is_sample.is_(False), Campaign.is_archive.is_(False),
        )
        .order_by(Campaign.id.desc())
        .limit(CAMPAIGNS)
        .subquery()
    )  # fmt: skip
    return db.session.scalars(sa.select(latest.c.tracking).distinct()).all()


def _forms(account: Account) -> list[Form]:
    rows = db.session.execute(
        sa.select(SignUpForm.name, FormVersion.design)
        .join(
            FormVersion,
            sa.and_(
                FormVersion.form_id == SignUpForm.id, FormVersion.number == SignUpForm.version
            ),
        )
        .where(
            SignUpForm.account_id == account.id, SignUpForm.is_open.is_(True),
            SignUpForm.archived_at.is_(None),
        )
        .order_by(SignUpForm.id)
        .limit(MOST)
    ).all()  # fmt: skip
    designs = [(name, Design.from_json(stored)) for name, stored in rows]
    return [
        Form(design.title or name, ", ".join(question.label for question in design.questions))
        for name, design in designs
    ]


def _lists(account: Account) -> list[str]:
    rows = db.session.execute(
        sa.select(PublicList.name, ContactList.name.label("inside"))
        .join(ContactList, ContactList.id == PublicList.list_id)
        .where(PublicList.account_id == account.id, ContactList.archived_at.is_(None))
        .order_by(ContactList.name, ContactList.id)
        .limit(MOST)
    )
    return [row.name or row.inside for row in rows]


def _distinct(column: InstrumentedAttribute[str], *where: sa.ColumnElement[bool]) -> list[str]:
    query = sa.select(column).where(*where).distinct().order_by(column).limit(MOST)
    return list(db.session.scalars(query))


def _is_any(*where: sa.ColumnElement[bool]) -> bool:
    return bool(db.session.scalar(sa.select(sa.literal(1)).where(*where).limit(1)))


def _who(account: Account) -> str:
    """Name and address; most addresses begin with the name already."""
    address = _one_line(account.address)
    return address if address.startswith(account.name) else f"{account.name}, {address}".strip(", ")


def _one_line(words: str) -> str:
    return ", ".join(line.strip() for line in words.splitlines() if line.strip())
