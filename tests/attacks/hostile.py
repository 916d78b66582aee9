"""Rows whose every free text is an attack."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from app.core.db import Base, db, transaction

#: Ends an attribute and a tag, brings a script, a request of htmx and a template.
MARKUP = "\"'><img src=x onerror=window.pwned=1><b hx-get=/campaigns hx-trigger=load>{{7*7}}"
#: What must not stand in a page as it is.
RAW = ("<img src=x", "<b hx-get")
#: Columns that hold what people, files and foreign servers say.
TEXTS = {
    "about", "answer", "basis", "bio", "body", "browser", "city", "comment", "company",
    "description", "detail", "details", "error", "evidence", "explanation", "file", "filename",
    "first_name", "from_name", "hint", "label", "last_name", "message", "name", "note", "notes",
    "phone", "preheader", "problem", "purpose", "question", "reason", "refusal", "reply_to", "row",
    "subject", "summary", "text", "text_body", "title", "username", "website", "why", "wording",
    "words",
}  # fmt: skip
#: Rows that the database keeps as they are, and words that a program gave.
KEPT = {
    "audit_entry", "consent", "policy_version", "disclosure", "incident", "look", "access_entry",
    "chain_head", "suppression", "delivery.reason", "event.reason",
}  # fmt: skip


def columns() -> Iterator[tuple[sa.Table, sa.Column[str]]]:
    """Every column that holds free text and is long enough."""
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            is_text = isinstance(column.type, sa.String) and not column.foreign_keys
            length = getattr(column.type, "length", None) or len(MARKUP)
            known = {table.name, f"{table.name}.{column.name}"} & KEPT
            if is_text and column.name in TEXTS and not known and length >= len(MARKUP):
                yield table, column


def fill() -> int:
    """Put it into every row that there is; how many columns of rows it went into."""
    done = 0
    for table, column in columns():
        unique = any(
            column.name in constraint.columns
            for constraint in table.constraints
            if isinstance(constraint, sa.UniqueConstraint)
        )
        value = (
            sa.literal(MARKUP) + sa.cast(table.c.id, sa.String)
            if unique and "id" in table.c
            else sa.literal(MARKUP)
        )
        with transaction():
            changed = db.session.connection().execute(sa.update(table).values({column.name: value}))
        done += bool(changed.rowcount)
    db.session.expire_all()
    return done
