"""Owners make, change, copy and archive forms. Each change of what visitors see is a version."""

from __future__ import annotations

import re
import secrets

import sqlalchemy as sa

from app.accounts.models import Account
from app.contacts.fields import key_for
from app.contacts.models import ContactList, FormVersion, SignUpForm
from app.contacts.signup.design import Choice, Design, Question
from app.contacts.text import clean_line
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{1,58}[a-z0-9])")
TELLS = ("", "each", "daily")
MOST = 200


def create(account: Account, name: str, list_: ContactList | None) -> SignUpForm:
    """A new form, closed until the owner opens it. Raises Invalid."""
    there = sa.select(sa.func.count()).where(
        SignUpForm.account_id == account.id, SignUpForm.archived_at.is_(None)
    )
    if (db.session.scalar(there) or 0) >= MOST:
        raise Invalid(f"An account can have {MOST} forms. Archive one that you do not use.")
    lists = (Choice(list_.id, list_.name, list_.opt_in),) if list_ else ()
    design = Design(questions=(Question("first_name", ""),), lists=lists)
    return _add(account.id, _named(name), design)


def copy(form: SignUpForm) -> SignUpForm:
    """Another one that looks and asks alike, closed, at an address of its own."""
    made = _add(form.account_id, f"{form.name[:190]} (copy)", current(form))
    made.tells = form.tells
    return made


def change(form: SignUpForm, *, name: str, slug: str, tells: str, design: Design) -> bool:
    """Save what was built; returns whether visitors see something new. Raises Invalid."""
    name = _named(name)
    if tells not in TELLS:
        raise Invalid("Choose when to be told.", {"tells": ["Choose one."]})
    _move_to(form, slug)
    form.name, form.tells, form.updated_at = name, tells, now()
    is_new = design.to_json() != current(form).to_json()
    if is_new:
        form.version += 1
        db.session.add(_version(form, design))
    db.session.flush()
    return is_new


def set_open(form: SignUpForm, *, is_open: bool) -> None:
    """Take sign-ups from now on, or none. Raises Invalid where people would come onto no list."""
    if is_open and not current(form).lists:
        raise Invalid("Choose at least one list first, then open the form.")
    form.is_open, form.updated_at = is_open, now()


def archive(form: SignUpForm, *, is_over: bool = True) -> None:
    """Put it away, closed, with its numbers and versions; or bring it back."""
    form.archived_at = now() if is_over else None
    form.is_open = False


def current(form: SignUpForm) -> Design:
    """What visitors see now, as it is stored."""
    found = db.session.get_one(FormVersion, (form.id, form.version))
    return Design.from_json(found.design)


def _add(account_id: int, name: str, design: Design) -> SignUpForm:
    form = SignUpForm(account_id=account_id, name=name, slug=free_slug(name), version=1)
    form.shown = form.sent_in = form.confirmed = 0
    db.session.add(form)
    db.session.flush()
    db.session.add(_version(form, design))
    db.session.flush()
    return form


def _version(form: SignUpForm, design: Design) -> FormVersion:
    return FormVersion(
        form_id=form.id, number=form.version, account_id=form.account_id, design=design.to_json()
    )


def _named(name: str) -> str:
    name = clean_line(name)
    if not name:
        raise Invalid("Give the form a name.", {"name": ["Give the form a name."]})
    return name


def free_slug(name: str) -> str:
    """The name as an address, with something behind it that nobody guesses or has."""
    base = key_for(name).replace("_", "-").strip("-")[:40] or "form"
    return f"{base}-{secrets.token_hex(3)}"


def _move_to(form: SignUpForm, slug: str) -> None:
    slug = slug.strip().lower()
    if slug == form.slug:
        return
    if not SLUG.fullmatch(slug):
        text = "Use 3 to 60 small letters, digits and hyphens, such as bakery-news."
        raise Invalid(text, {"slug": [text]})
    with db.session.no_autoflush:
        taken = db.session.scalar(sa.select(SignUpForm.id).where(SignUpForm.slug == slug))
    if taken:
        text = "Another form has this address. Add a word to it."
        raise Invalid(text, {"slug": [text]})
    form.slug = slug
