"""Owners hear of new people: soon after each, or once a day, or never."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from app.accounts import owners
from app.contacts.models import Contact, FormEntry, SignUpForm
from app.core import settings
from app.core.clock import now
from app.core.db import db, transaction

DAILY = timedelta(hours=24)
#: Names in one mail; the others are a number.
NAMED = 30
AT_ONCE = 500


def tell() -> int:
    """Write the mails that are due; returns how many forms had news. Twice does no harm."""
    told = 0
    for form_id in _with_news():
        with transaction():
            told += _tell_of(form_id)
    return told


def _with_news() -> Sequence[int]:
    is_due = sa.or_(
        SignUpForm.tells == "each", SignUpForm.told_at.is_(None), SignUpForm.told_at < now() - DAILY
    )
    with_news = sa.exists().where(FormEntry.form_id == SignUpForm.id, FormEntry.is_news)
    found = db.session.scalars(
        sa.select(SignUpForm.id).where(SignUpForm.tells != "", is_due, with_news).limit(100)
    ).all()
    db.session.rollback()
    return found


def _tell_of(form_id: int) -> bool:
    form = db.session.get_one(SignUpForm, form_id, with_for_update=True)
    chosen = sa.select(FormEntry.id).where(FormEntry.form_id == form_id, FormEntry.is_news)
    taken = db.session.execute(
        sa.update(FormEntry)
        .where(FormEntry.id.in_(chosen.order_by(FormEntry.id).limit(AT_ONCE)), FormEntry.is_news)
        .values(is_news=False)
        .returning(FormEntry.contact_id)
        .execution_options(synchronize_session=False)
    ).scalars().all()  # fmt: skip
    if not taken:
        return False
    people = db.session.scalars(
        sa.select(Contact).where(Contact.id.in_(taken)).order_by(Contact.id).limit(NAMED)
    ).all()
    form.told_at = now()
    owners.tell(
        form.account_id,
        "new_subscribers",
        form=form.name,
        people=[(one.email, one.full_name) for one in people],
        number=len(taken),
        link=f"{settings.get().BASE_URL}/forms/{form.id}",
    )
    return True
