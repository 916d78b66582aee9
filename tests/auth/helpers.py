"""What several tests of auth need."""

from __future__ import annotations

import re
from datetime import timedelta

import pyotp
import sqlalchemy as sa

from app.accounts.models import Member, Notice
from app.auth import second_factors
from app.auth.models import SignedIn
from app.core import sealing
from app.core.clock import now
from app.core.db import db, transaction

PASSWORD = "a good long passphrase"


def kinds() -> list[str]:
    """Kinds of the notices that wait, oldest first."""
    return list(db.session.scalars(sa.select(Notice.kind).order_by(Notice.id)))


def link(kind: str) -> str:
    """The path of the link in the newest notice of a kind."""
    query = sa.select(Notice.text).where(Notice.kind == kind).order_by(Notice.id.desc())
    found = re.search(
        r"http://localhost(?::\d+)?(/(?:password|email|join|senders|not-me|sign-in)/\S+)",
        db.session.scalars(query).first() or "",
    )
    assert found, kind
    return found[1]


def code_of(member: Member, *, later_s: int = 0) -> str:
    """What the person's app shows now, or some seconds later."""
    app = second_factors.app_of(member)
    assert app is not None
    totp = pyotp.TOTP(sealing.unseal(app.sealed_secret))
    return totp.at(now() + timedelta(seconds=later_s))


def set_up_app(member: Member) -> list[str]:
    """An app in use, as of a minute ago; returns the recovery codes."""
    with transaction():
        second_factors.begin(member)
        codes = second_factors.confirm(member, code_of(member))
        app = second_factors.app_of(member)
        assert app is not None
        app.used_step -= 2
    return codes


def time_passes(member: Member) -> None:
    """It is an hour since the person proved who they are."""
    with transaction():
        db.session.execute(
            sa.update(SignedIn)
            .where(SignedIn.member_id == member.id)
            .values(confirmed_at=now() - timedelta(hours=1))
        )
    db.session.expire_all()
