"""Parts of a take-out about sign-up forms: what they say now, and what they ever said."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from app.campaigns.models import Greeting
from app.contacts.models import FormVersion, SignUpForm
from app.core.db import db
from app.moving.parts import CHUNK, Chunk, Key, Scope, by_id, chunk, table

WELCOME = ("is_on", "from_email", "subject", "body")


@table(
    "signup_forms.jsonl",
    "Your sign-up forms as visitors see them, their numbers and welcome mails.",
    covers=("signup_form", "greeting"),
)
def forms(scope: Scope, after: Key | None) -> Chunk:
    """All columns, `design` (what visitors see now) and `welcome`, null where there is none.
    Lists in a design have the ids of lists.csv."""
    found = by_id(SignUpForm, scope, after)
    ids = [row["id"] for row in found.rows]
    designs = db.session.execute(
        sa.select(FormVersion.form_id, FormVersion.number, FormVersion.design)
        .join(SignUpForm, SignUpForm.id == FormVersion.form_id)
        .where(FormVersion.form_id.in_(ids), FormVersion.number == SignUpForm.version)
    )
    shown = {row.form_id: row.design for row in designs}
    mails = {
        row.form_id: {name: getattr(row, name) for name in WELCOME}
        for row in db.session.scalars(sa.select(Greeting).where(Greeting.form_id.in_(ids)))
    }
    for row in found.rows:
        row.update(design=shown.get(row["id"]), welcome=mails.get(row["id"]))
    return found


@table(
    "signup_form_versions.jsonl",
    "Everything that your sign-up forms ever said: the ledger names the version.",
    covers=("signup_form_version",),
)
def versions(scope: Scope, after: Key | None) -> Chunk:
    """{form_id, number, design, created_at}."""
    rows = db.session.execute(
        sa.select(
            FormVersion.form_id, FormVersion.number, FormVersion.design, FormVersion.created_at
        )
        .where(
            FormVersion.account_id == scope.account.id,
            sa.tuple_(FormVersion.form_id, FormVersion.number) > sa.tuple_(*(after or [0, 0])),
        )
        .order_by(FormVersion.form_id, FormVersion.number)
        .limit(CHUNK)
    )
    told: list[dict[str, Any]] = [row._asdict() for row in rows]
    return chunk(told, lambda row: [row["form_id"], row["number"]])
