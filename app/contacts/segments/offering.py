"""What the rows of the builder offer to choose from, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from app.contacts.models import ContactField, ContactList, Import, Tag
from app.contacts.segments.building import Node, ops, sort_of
from app.contacts.segments.elsewhere import campaign
from app.contacts.segments.rule import MOMENTS, TEXTS
from app.contacts.segments.words import COMPARED, MAILBOXES
from app.core.db import db

Pairs = Sequence[tuple[str, str]]
MOST_OFFERED = 100
MODES: Pairs = (("all", "all"), ("any", "any"), ("none", "none"))
_TIMES = {
    "in_last": "in the last", "before_last": "more than", "in_next": "within the next",
    "on": "on the day", "before": "before", "after": "after", "between": "between",
    "anniversary_in": "each year, exactly in", "anniversary_within": "each year, within the next",
}  # fmt: skip
_FILLED = {"known": "is known", "empty": "is empty"}
_OPS: dict[str, dict[str, str]] = {
    "text": COMPARED | _FILLED,
    "number": COMPARED | _FILLED,
    "date": _TIMES | {"known": "known", "empty": "empty"},
    "moment": _TIMES,
    "yes_no": {"is": "is", **_FILLED},
    "json": _FILLED,
    "list": {"on": "are", "not_on": "are not"},
    "tag": {"has": "have", "has_not": "do not have"},
    "kind": {"is": "are", "is_not": "are not"},
    "mailbox": {"is": "is", "is_not": "is not"},
    "deed": {"did": "yes, they did", "did_not": "no, they did not"},
    "source": {"is": "came", "is_not": "did not come"},
    "consent": {"has": "yes, they did", "has_not": "no, they did not"},
    "tracking": {"is": "is"},
}
WHEN: Pairs = (("", "at any time"), *((op, _TIMES[op]) for op in ops("moment")))
LIST_STATES: Pairs = (
    ("active", "on it and confirmed"), ("pending", "waiting to confirm"),
    ("ended", "people who left it"), ("any", "on it or were once"),
)  # fmt: skip
BY: Pairs = (("human", "people"), ("machine", "machines"), ("anybody", "people or machines"))
KINDS: Pairs = (("person", "people"), ("organisation", "organisations"))
ADDRESSES: Pairs = tuple(MAILBOXES.items())
YES_NO: Pairs = (("yes", "yes"), ("no", "no"))
CONSENTS: Pairs = (
    ("confirmed", "confirm by mail"), ("asked", "ask for mail themselves"),
    ("stated", "agree, as you said"), ("withdrawn", "withdraw it"), ("restored", "come back"),
)  # fmt: skip
SOURCES: Pairs = (
    ("import", "with any file"), ("form", "by a sign-up form"), ("api", "by a program (API)"),
    ("hand", "by hand"), ("unknown", "in a way nobody noted"),
)  # fmt: skip


@dataclass(frozen=True)
class Choices:
    """Options by value and label, of one account."""

    fields: Sequence[tuple[str, Pairs]]
    """In groups, for the first choice of a row."""
    types: Mapping[str, str]
    lists: Pairs
    tags: Pairs
    campaigns: Pairs
    sources: Pairs

    def ops(self, node: Node) -> Pairs:
        """How a row can compare."""
        sort = sort_of(node.get("field"), self.types)
        return [(op, _OPS[sort][op]) for op in ops(sort)]

    def sort(self, node: Node) -> str:
        """What kind of row it is."""
        return sort_of(node.get("field"), self.types)


def choices(account_id: int) -> Choices:
    """All that can be chosen; the newest hundred campaigns and files."""
    fields = db.session.scalars(
        sa.select(ContactField)
        .where(ContactField.account_id == account_id)
        .order_by(ContactField.position, ContactField.id)
    ).all()
    return Choices(
        _groups([(f"fields.{field.key}", field.label) for field in fields]),
        {field.key: field.type for field in fields},
        _pairs(
            sa.select(ContactList.id, ContactList.name)
            .where(ContactList.account_id == account_id)
            .order_by(ContactList.archived_at.is_not(None), ContactList.name)
            .limit(500)
        ),
        _pairs(
            sa.select(Tag.name, Tag.name)
            .where(Tag.account_id == account_id)
            .order_by(Tag.name)
            .limit(1_000)
        ),
        _pairs(
            sa.select(campaign.c.id, campaign.c.name)
            .where(campaign.c.account_id == account_id, campaign.c.started_at.is_not(None))
            .order_by(campaign.c.id.desc())
            .limit(MOST_OFFERED)
        ),
        [*SOURCES, *_files(account_id)],
    )


def _groups(own: Pairs) -> Sequence[tuple[str, Pairs]]:
    groups: list[tuple[str, Pairs]] = [
        ("Belong to", (("list", "List"), ("tag", "Tag"), ("kind", "Person or organisation"))),
        ("What they did", (
            ("received", "Got a mail"), ("opened", "Opened a mail"), ("clicked", "Clicked a link"),
        )),
        ("Who they are", (*TEXTS.items(), ("mailbox", "Kind of address"), *own)),
        ("Since when", tuple(MOMENTS.items())),
        ("How they came and agreed", (
            ("source", "Where from"), ("consent", "Consent"), ("tracking", "Lets you count opens"),
        )),
    ]  # fmt: skip
    return groups


def _files(account_id: int) -> Pairs:
    rows = _pairs(
        sa.select(Import.id, Import.filename)
        .where(Import.account_id == account_id, Import.state != "draft")
        .order_by(Import.id.desc())
        .limit(MOST_OFFERED)
    )
    return [(f"import {number}", f"with {name}") for number, name in rows]


def _pairs(query: sa.Select[int, str] | sa.Select[str, str]) -> Pairs:
    return [(str(row[0]), str(row[1])) for row in db.session.execute(query)]
