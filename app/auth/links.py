"""Secret links of mails that work once and for a while."""

from __future__ import annotations

from typing import TypeVar

import sqlalchemy as sa

from app.auth.models import AlarmLink, EmailChange, PasswordLink
from app.core import tokens
from app.core.clock import now
from app.core.db import db
from app.core.errors import DomainError

Link = TypeVar("Link", AlarmLink, EmailChange, PasswordLink)


class DeadLink(DomainError):
    """Used, expired, replaced or never made."""

    status = 410

    def __init__(self) -> None:
        super().__init__("This link has been used or is too old. Ask for a new one.")


def living(model: type[Link], secret: str) -> Link:
    """A link that still works. Raises DeadLink."""
    found = db.session.scalar(sa.select(model).where(model.token_hash == tokens.hashed(secret)))
    if found is None or found.used_at or found.expires_at <= now():
        raise DeadLink
    return found


def use_up(link: Link) -> None:
    """Conditional, so that of two who come at once one is too late. Raises DeadLink."""
    model = type(link)
    used = db.session.execute(
        sa.update(model)
        .where(model.id == link.id, model.used_at.is_(None), model.expires_at > now())
        .values(used_at=now())
        .returning(model.id)
    )
    if used.scalar() is None:
        raise DeadLink
