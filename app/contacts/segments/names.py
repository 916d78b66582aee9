"""What the lists, fields, campaigns and imports that rules name are called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import sqlalchemy as sa

from app.contacts.models import ContactField, ContactList, Import
from app.contacts.segments.elsewhere import campaign
from app.contacts.segments.rule import Did, OnList, Rule, Source, conditions
from app.core.db import db


@dataclass(frozen=True)
class Names:
    """By id; fields by key. What was removed is not in it."""

    fields: dict[str, str] = field(default_factory=dict)
    lists: dict[int, str] = field(default_factory=dict)
    campaigns: dict[int, str] = field(default_factory=dict)
    imports: dict[int, str] = field(default_factory=dict)


def of(account_id: int, rules: Iterable[Rule]) -> Names:
    """The account's own that these rules name."""
    leaves = [leaf for rule in rules for leaf in conditions(rule)]
    lists = {leaf.list_id for leaf in leaves if isinstance(leaf, OnList)}
    mails = {leaf.campaign for leaf in leaves if isinstance(leaf, Did)}
    imports = {leaf.import_id for leaf in leaves if isinstance(leaf, Source) and leaf.import_id}
    fields = sa.select(ContactField.key, ContactField.label)
    rows = db.session.execute(fields.where(ContactField.account_id == account_id))
    return Names(
        {row[0]: row[1] for row in rows},
        _named(ContactList.id, ContactList.name, ContactList.account_id == account_id, lists),
        _named(
            campaign.c.id, campaign.c.name, campaign.c.account_id == account_id,
            {number for number in mails if isinstance(number, int)},
        ),
        _named(Import.id, Import.filename, Import.account_id == account_id, imports),
    )  # fmt: skip


def _named(
    key: sa.ColumnElement[int] | sa.orm.attributes.InstrumentedAttribute[int],
    name: sa.ColumnElement[str] | sa.orm.attributes.InstrumentedAttribute[str],
    own: sa.ColumnElement[bool],
    ids: set[int],
) -> dict[int, str]:
    if not ids:
        return {}
    rows = db.session.execute(sa.select(key, name).where(own, key.in_(sorted(ids))))
    return {row[0]: row[1] for row in rows}
