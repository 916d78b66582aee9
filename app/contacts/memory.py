"""Memory of the last import with the same columns: what was corrected once stays corrected."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from app.contacts import fields
from app.contacts.mapping import TARGETS, Columns, fold
from app.contacts.models import ContactField, Import
from app.core.db import db

#: Of the newest imports that are over.
LOOKED_AT = 50


def recall(import_: Import, guessed: Columns) -> Columns:
    """The columns as they were chosen the last time, noted in `import_.choices`; else the guess."""
    titles = _titles(guessed)
    for before in _newest(import_.account_id):
        columns = before.mapping.get("columns", [])
        if _titles(columns) == titles:
            known = fields.of(import_.account_id)
            again = [
                _again(column, now, known) for column, now in zip(columns, guessed, strict=True)
            ]
            if sum(column["to"] == "email" for column in again) != 1:
                return guessed
            import_.choices = {**import_.choices, "remembered": before.id}
            return again
    return guessed


def _newest(account_id: int) -> list[Import]:
    over = sa.select(Import).where(
        Import.account_id == account_id, Import.state.in_(("queued", "running", "finished"))
    )
    return list(db.session.scalars(over.order_by(Import.id.desc()).limit(LOOKED_AT)))


def _titles(columns: Columns) -> list[str]:
    return [fold(column["name"]) or column["name"] for column in columns]


def _again(
    before: Mapping[str, object], now: Mapping[str, object], known: Mapping[str, ContactField]
) -> dict[str, object]:
    """What a column became then, where that is still possible."""
    to = str(before["to"])
    if to.startswith("new:"):
        key = fields.key_for(to[4:])
        to = f"field:{key}" if key in known else to
    elif to not in TARGETS and to.removeprefix("field:") not in known:
        return dict(now)
    again = {**now, "to": to}
    return {**again, "keep": True} if before.get("keep") else again
