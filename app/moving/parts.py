"""What a take-out consists of: every part names its file, what is in it and how it is read.

A feature that keeps something of an account adds itself here with one function: `table` for rows
without end, read in chunks in the order of a key; `document` for what fits into memory. `covers`
names its database tables; a test compares them with all tables that belong to accounts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.accounts.models import Account
from app.campaigns.models import Campaign
from app.core.db import Base, db

CHUNK = 5_000
Key = list[Any]
"""Where a chunk ended: the values that its table is ordered by."""


@dataclass
class Scope:
    """What a part reads from: the account, and the campaign where it is about one."""

    account: Account
    campaign: Campaign | None = None
    known: dict[str, Any] = field(default_factory=dict)
    """Small tables that were looked up already."""

    def once(self, name: str, look_up: Callable[[], Any]) -> Any:
        """Something small that many chunks need, looked up the first time."""
        if name not in self.known:
            self.known[name] = look_up()
        return self.known[name]

    @property
    def subject(self) -> Campaign:
        """The campaign of a part that is about one."""
        if self.campaign is None:
            raise ValueError("This part is about a campaign.")
        return self.campaign


@dataclass(frozen=True)
class Chunk:
    """Some rows, and the key to go on from; None when nothing follows."""

    rows: Sequence[Any]
    after: Key | None


Columns = Callable[[Scope], Sequence[str]]
Read = Callable[[Scope, Key | None], Chunk]
Make = Callable[[Scope], Any]


@dataclass(frozen=True)
class Part:
    """One file of the take-out, or one for each campaign."""

    name: str
    about: str
    covers: tuple[str, ...]
    """Database tables whose rows are in it."""
    of_campaign: bool = False
    columns: Columns | None = None
    """Of a CSV file; None for lines of JSON and for documents."""
    read: Read | None = None
    """Of what has rows."""
    make: Make | None = None
    """Of a document: text as it is, anything else as JSON; None leaves the file out."""


PARTS: list[Part] = []
"""In the order of the file."""

#: Tables that belong to accounts and stay behind, each with the reason.
LEFT_OUT = {
    "api_token": "a secret",
    "invitation": "a secret link",
    "mailbox": "a secret, and of this installation",
    "report_hook": "a secret, and of this installation",
    "domain_check": "what DNS says is asked anew",
    "warm_up": "of this installation's servers",
    "headcount": "counted anew",
    "chain_head": "the last line of what is chained says the same",
    "merged_mail": "for links of mails, which lead to this installation",
    "contact_merge": "only for taking a merge back here, within 30 days",
    "idempotency_key": "repeats of requests within a day",
    "notice": "system mails of this installation",
    "ladder_place": "how far this installation trusts the account",
    "ladder_move": "how far this installation trusts the account",
    "closing": "of this installation",
    "closed_account": "what stays here of an account that was closed",
    "kept_out": "what stays here of an account that was closed",
    "house_contact": "of this installation: which member somebody of the operator's own account is",
    "import_review": "decided by the operator of this installation",
    "suspension": "decided by the operator of this installation",
    "appeal": "letters to the operator of this installation",
    "abuse_report": "letters to the operator of this installation",
    "signed_in": "browsers of members",
    "person_request": "requests to the operator of this installation",
    "person_request_place": "requests to the operator of this installation",
    "ticket": "letters to the operator of this installation",
    "ticket_file": "letters to the operator of this installation",
    "ticket_message": "letters to the operator of this installation",
    "disclosure": "a register of the operator of this installation",
    "incident_account": "a register of the operator of this installation",
    "takeout": "of this installation",
    "takein": "of this installation",
    "moved": "of this installation",
    "batch": "how the engine sliced a campaign",
    "beat": "how fast the engine was",
    "alarm": "what the diary says in words",
    "outage": "of this installation's servers",
    "provider_report": "not worked yet; becomes events",
    "bulk_change": "what taking a bulk action back needs",
    "segment_count": "counted anew",
    "clean_up_look": "looked for anew",
    "finding": "looked for anew",
    "likeness": "looked for anew",
    "consent_check": "verified anew",
    "erasure": "of this installation: what is left to find of people who were erased",
    "link_request": "gone within a day",
    "address_change": "not confirmed yet; a secret link",
    "import_journal": "what undoing an import needs; nothing that was taken in can be undone",
    "import_change": "what undoing an import needs; nothing that was taken in can be undone",
    "signup_form_entry": "consents say who came by which form",
    "confirmation_mail": "keyed with the secret of this installation",
    "house": "of this installation: which account is the operator's own",
    "share_link": "a secret link, and of this installation",
    "told_friend": "keyed with the secret of this installation",
    "staff_look": "of this installation: who of its operator's people looked in",
    "staff_access": "of this installation: who of its operator's people saw what",
    "export_grant": "of this installation: what its operator's people were allowed",
    "contract": "paying, of this installation",
    "payment_event": "paying, of this installation",
    "plan_grant": "paying, of this installation",
    "mail_month": "what was used here",
    "reservation": "what was used here",
    "limit_notice": "what was used here",
    "asking_round": "who was asked once more; the ledger says so",
}


def table(
    name: str, about: str, *, columns: Columns | Sequence[str] = (), covers: Sequence[str],
    of_campaign: bool = False,
) -> Callable[[Read], Read]:  # fmt: skip
    """Add a file of rows: CSV where the name ends so, else a JSON object a line."""
    chosen: Columns | None = None
    if name.endswith(".csv"):
        chosen = columns if callable(columns) else lambda _scope: columns

    def add(read: Read) -> Read:
        PARTS.append(Part(name, about, tuple(covers), of_campaign, columns=chosen, read=read))
        return read

    return add


def document(
    name: str, about: str, *, covers: Sequence[str] = (), of_campaign: bool = False
) -> Callable[[Make], Make]:
    """Add a file that fits into memory."""

    def add(make: Make) -> Make:
        PARTS.append(Part(name, about, tuple(covers), of_campaign, make=make))
        return make

    return add


def by_id(model: type[Base], scope: Scope, after: Key | None, *conditions: Any) -> Chunk:
    """A chunk of an account's rows in the order of their ids, without what is secret.

    For parts of lines: `return by_id(Form, scope, after)`.
    """
    columns = sa.inspect(model).local_table.c
    shown = [column for column in columns if not is_secret(column.name)]
    start = after[0] if after else 0
    rows = db.session.execute(
        sa.select(*shown)
        .where(columns.account_id == scope.account.id, columns.id > start, *conditions)
        .order_by(columns.id)
        .limit(CHUNK)
    ).mappings()
    return chunk([dict(row) for row in rows], lambda row: [row["id"]])


def is_secret(column: str) -> bool:
    """Whether a column's name says that nobody outside may have it."""
    is_sealed = column.startswith("sealed_") or column.endswith(("token", "token_hash", "secret"))
    return is_sealed or column in ("account_id", "password_hash")


def chunk(rows: Sequence[Any], key: Callable[[Any], Key], limit: int = CHUNK) -> Chunk:
    """Rows that were read with that limit; fewer means that nothing follows."""
    return Chunk(rows, key(rows[-1]) if len(rows) == limit else None)


def moment(value: datetime | None) -> str:
    """A time as files have it: ISO 8601, UTC; empty for none."""
    return value.isoformat() if value else ""


def yes_no(value: bool | None) -> str:
    """yes, no, or nothing where it is not known."""
    return "" if value is None else "yes" if value else "no"


def of_account() -> Iterator[Part]:
    """Parts that there are once."""
    return (part for part in PARTS if not part.of_campaign)


def of_campaign() -> Iterator[Part]:
    """Parts that there are for each campaign."""
    return (part for part in PARTS if part.of_campaign)
