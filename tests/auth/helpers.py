"""What several tests of auth need."""

from __future__ import annotations

import re

import sqlalchemy as sa

from app.accounts.models import Notice
from app.core.db import db

PASSWORD = "a good long passphrase"


def kinds() -> list[str]:
    """Kinds of the notices that wait, oldest first."""
    return list(db.session.scalars(sa.select(Notice.kind).order_by(Notice.id)))


def link(kind: str) -> str:
    """The path of the link in the newest notice of a kind."""
    query = sa.select(Notice.text).where(Notice.kind == kind).order_by(Notice.id.desc())
    found = re.search(
        r"http://localhost(/(?:password|email|join|senders)/\S+)",
        db.session.scalars(query).first() or "",
    )
    assert found, kind
    return found[1]
