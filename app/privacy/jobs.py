"""What the tick calls. Harmless when run twice, or by several at once."""

from __future__ import annotations

import sqlalchemy as sa

from app.core.db import db
from app.privacy import disclosing, documents, following, incidents
from app.privacy.models import Disclosure


def tell() -> int:
    """Mail what is new to those whom it concerns; returns how many mails or accounts it was."""
    return following.mail_news() + disclosing.tell() + incidents.tell()


def clean_up() -> int:
    """Remove documents whose entry did not come about."""
    return documents.remove_strays(set(db.session.scalars(sa.select(Disclosure.stored_as))))
