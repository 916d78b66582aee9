"""Undoing an import, first step: the people whom it made go, but who has a life of their own.

Whoever was mailed, did something themselves, was changed by the account or by another import
stays as they are. Some people at a time, in the caller's transaction; only counted where not
`really`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from app.contacts import writing
from app.contacts.bulk import among
from app.contacts.models import (
    ChannelConsent,
    Consent,
    Contact,
    Import,
    ImportChange,
    ImportJournal,
    Subscription,
    contact_tag,
)
from app.core.db import Base, db

#: What an import writes itself; rows of every other table that name a Contact keep it.
OWN_TABLES = (
    "contact_tag", "subscription", "consent", "import_change", "finding", "likeness",
    "channel_consent",
)  # fmt: skip
#: What the account itself noted of a person.
HAND_TABLES = ("contact_change", "bulk_change")
MAIL_TABLES = ("delivery", "event")
#: Sources of Consent that are the account's own doing.
BY_ACCOUNT = ("hand", "api")


@dataclass
class Found:
    """What an undo does with some people."""

    numbers: Counter[str] = field(default_factory=Counter)
    after: int | None = None
    """The last contact that was looked at; None when there was nobody any more."""


def remove_people(
    import_: Import, journal: ImportJournal, after: int, limit: int, *, really: bool
) -> Found:
    """Remove the next people that the import made, but who has a life of their own by now."""
    reasons = _reasons(import_, journal, after, limit)
    if not reasons:
        return Found()
    stay = {contact_id: reason for contact_id, (reason, _) in reasons.items() if reason}
    go = [contact_id for contact_id in reasons if contact_id not in stay]
    if really:
        if go:
            writing.delete_rows(import_.account_id, go)
        inherited = [contact_id for contact_id in stay if reasons[contact_id][1]]
        _hand_over(journal, inherited)
        forget(import_.id, list(stay.keys() - set(inherited)))
    numbers = Counter({"removed": len(go)})
    numbers.update(f"stay_{reason}" for reason in stay.values())
    return Found(numbers, max(reasons))


def _reasons(
    import_: Import, journal: ImportJournal, after: int, limit: int
) -> dict[int, tuple[str, bool]]:
    """The next people whom the import made, each with why they stay ("" for who goes), and
    whether another import changed them since."""
    if journal.first_contact_id is None or journal.last_contact_id is None:
        return {}
    mine = (
        sa.select(Contact.id)
        .where(
            Contact.account_id == import_.account_id,
            Contact.id.between(max(after + 1, journal.first_contact_id), journal.last_contact_id),
            Contact.import_id == import_.id,
        )
        .order_by(Contact.id)
        .limit(limit)
    )
    ids = db.session.scalars(mine).all()
    if not ids:
        return {}
    query = sa.select(
        Contact.id,
        _named_by(MAIL_TABLES).label("mailed"),
        sa.or_(_consented(Consent.source.not_in(BY_ACCOUNT)), _named_elsewhere()).label("acted"),
        _changed(journal).label("changed"),
        _in_another(import_.id).label("imported"),
    ).where(among(Contact.id, ids))
    found = {}
    for row in db.session.execute(query):
        reasons = ("mailed", "acted", "imported", "changed")
        reason = next((name for name in reasons if getattr(row, name)), "")
        found[row.id] = (reason, bool(row.imported))
    return found


def _named_by(names: Iterable[str]) -> sa.ColumnElement[bool]:
    """Whether rows of these tables name the contact. They lie above contacts, so that they are
    known here by their names only; whatever is added there counts by itself."""
    tables = [Base.metadata.tables[name] for name in names if name in Base.metadata.tables]
    return sa.or_(sa.false(), *(_exists(table) for table in tables))


def _exists(table: sa.Table) -> sa.ColumnElement[bool]:
    return sa.exists().where(table.c.contact_id == Contact.id)


def _named_elsewhere() -> sa.ColumnElement[bool]:
    known = (*OWN_TABLES, *MAIL_TABLES, *HAND_TABLES)
    return _named_by(
        name
        for name, table in Base.metadata.tables.items()
        if "contact_id" in table.c and name not in known
    )


def _consented(how: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.exists().where(Consent.contact_id == Contact.id, Consent.source != "import", how)


def _changed(journal: ImportJournal) -> sa.ColumnElement[bool]:
    """Whether the account did something with a person since: by hand, not by another import."""
    by_an_import = sa.exists().where(
        ImportChange.contact_id == Contact.id, ImportChange.at == Contact.updated_at
    )
    by_hand = sa.and_(Contact.updated_at != Contact.created_at, ~by_an_import)
    tagged = sa.exists().where(
        contact_tag.c.contact_id == Contact.id,
        contact_tag.c.tag_id.not_in(journal.made.get("gave_tags", [])),
    )
    listed = sa.exists().where(
        Subscription.contact_id == Contact.id,
        sa.or_(
            Subscription.list_id.not_in(journal.made.get("gave_lists", [])),
            Subscription.state != "active",
        ),
    )
    noted = _named_by(HAND_TABLES)
    return sa.or_(
        by_hand, noted, _said_since(), tagged, listed, _consented(Consent.source.in_(BY_ACCOUNT))
    )


def _said_since() -> sa.ColumnElement[bool]:
    """Whether something about post or phone was noted that no import said."""
    said = ChannelConsent
    by_an_import = sa.exists().where(
        ImportChange.contact_id == said.contact_id, ImportChange.at == said.at
    )
    return sa.exists().where(
        said.contact_id == Contact.id, said.at != Contact.created_at, ~by_an_import
    )


def _in_another(import_id: int) -> sa.ColumnElement[bool]:
    return sa.exists().where(
        ImportChange.contact_id == Contact.id, ImportChange.import_id != import_id
    )


def forget(import_id: int, contact_ids: Sequence[int]) -> None:
    """Who stays, stays as they are: what the import changed about them later stays too."""
    if contact_ids:
        db.session.execute(
            sa.delete(ImportChange).where(
                ImportChange.import_id == import_id, among(ImportChange.contact_id, contact_ids)
            ),
            execution_options={"synchronize_session": False},
        )


def _hand_over(journal: ImportJournal, contact_ids: Sequence[int]) -> None:
    """Who is in another import as well counts as made by that one from now on, so that undoing
    both, in whichever order, removes them."""
    if not contact_ids:
        return
    heirs = db.session.execute(
        sa.select(sa.func.min(ImportChange.import_id), ImportChange.contact_id)
        .where(
            among(ImportChange.contact_id, contact_ids),
            ImportChange.import_id != journal.import_id,
        )
        .group_by(ImportChange.contact_id)
    ).all()
    by_heir: dict[int, list[int]] = {}
    for import_id, contact_id in heirs:
        by_heir.setdefault(import_id, []).append(contact_id)
    for import_id, ids in by_heir.items():
        heir = db.session.get(ImportJournal, import_id, with_for_update=True)
        if heir is not None:
            _inherit(heir, journal, ids)


def _inherit(heir: ImportJournal, journal: ImportJournal, contact_ids: list[int]) -> None:
    people = sa.update(Contact).where(among(Contact.id, contact_ids))
    changes = sa.update(ImportChange).where(
        ImportChange.import_id == journal.import_id, among(ImportChange.contact_id, contact_ids)
    )
    for statement in (people, changes):
        db.session.execute(
            statement.values(import_id=heir.import_id),
            execution_options={"synchronize_session": False},
        )
    first, last = heir.first_contact_id, heir.last_contact_id
    heir.first_contact_id = min(contact_ids) if first is None else min(first, *contact_ids)
    heir.last_contact_id = max(contact_ids) if last is None else max(last, *contact_ids)
    heir.made = heir.made | {
        name: sorted({*heir.made.get(name, []), *journal.made.get(name, [])})
        for name in ("gave_tags", "gave_lists")
    }
