"""What the pages of forms read, always through the account, always limited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from app.accounts.models import Account
from app.contacts import fields, queries
from app.contacts.models import ContactList, FormVersion, SignUpForm
from app.contacts.signup import building
from app.contacts.signup.design import Design
from app.core.db import db
from app.core.errors import NotFound
from app.core.owning import owned

MOST = building.MOST


@dataclass(frozen=True)
class Shown:
    """A form as a visitor meets it."""

    form: SignUpForm
    account: Account
    design: Design


def form(account: Account, form_id: int) -> SignUpForm:
    """Raises NotFound."""
    return owned(SignUpForm, account.id, form_id, "The form")


def forms(account: Account, *, archived: bool = False) -> Sequence[SignUpForm]:
    """Newest first."""
    hidden = SignUpForm.archived_at.is_not(None) if archived else SignUpForm.archived_at.is_(None)
    return db.session.scalars(
        sa.select(SignUpForm)
        .where(SignUpForm.account_id == account.id, hidden)
        .order_by(SignUpForm.id.desc())
        .limit(MOST)
    ).all()


def listless(account: Account, forms: Sequence[SignUpForm]) -> set[int]:
    """Which of these are open and yet take nobody, because no list is left to come onto: visitors
    are told that they are closed."""
    stored = db.session.execute(
        sa.select(SignUpForm.id, FormVersion.design)
        .join(FormVersion, FormVersion.form_id == SignUpForm.id)
        .where(
            SignUpForm.account_id == account.id,
            SignUpForm.id.in_([form.id for form in forms if form.is_open]),
            FormVersion.number == SignUpForm.version,
        )
    ).all()
    there = {one.id for one in _lists(account) if one.archived_at is None}
    return {
        row.id
        for row in stored
        if not any(choice.id in there for choice in Design.from_json(row.design).lists)
    }


def version(form: SignUpForm, number: int) -> FormVersion:
    """One that was shown at some time. Raises NotFound."""
    found = db.session.get(FormVersion, (form.id, number))
    if found is None:
        raise NotFound("That version")
    return found


def versions(form: SignUpForm) -> Sequence[FormVersion]:
    """Newest first."""
    return db.session.scalars(
        sa.select(FormVersion)
        .where(FormVersion.form_id == form.id)
        .order_by(FormVersion.number.desc())
        .limit(100)
    ).all()


def shown(slug: str) -> Shown:
    """By its public address, as it is now. Raises NotFound, for archived ones as well."""
    found = db.session.execute(
        sa.select(SignUpForm, Account)
        .join(Account, Account.id == SignUpForm.account_id)
        .where(SignUpForm.slug == slug, SignUpForm.archived_at.is_(None))
    ).first()
    if found is None:
        raise NotFound("The form")
    form, account = found
    return Shown(form, account, up_to_date(form, account))


def up_to_date(form: SignUpForm, account: Account) -> Design:
    """What is stored, without lists and fields that are gone since."""
    return building.current(form).brought_up_to_date(_lists(account), fields.askable(account.id))


def _lists(account: Account) -> Sequence[ContactList]:
    return queries.lists(account)
