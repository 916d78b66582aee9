"""A visitor's form becomes a subscription, or a question by mail; and what follows from it.

Whoever sends a form in may be anybody. So what is typed about an address that is known already
changes nothing until its owner has confirmed, and the answer never tells what was known.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from app.accounts.models import Account
from app.contacts import consent, suppressions, writing
from app.contacts.changes import Actor
from app.contacts.models import Contact, ContactList, FormEntry, SignUpForm, Subscription
from app.contacts.signup.answers import Answers
from app.contacts.signup.design import Design
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid
from app.mailer.address import parse

BY_PERSON = Actor("person")


def sign_up(
    form: SignUpForm,
    design: Design,
    answers: Answers,
    *,
    language: str,
    evidence: Mapping[str, Any],
) -> None:
    """Put somebody on the form's lists, or ask them by mail. Who must not be mailed is left alone.

    `design` is what the visitor saw, in their language. Idempotent. Raises asking.AskedEnough.
    """
    account = db.session.get_one(Account, form.account_id)
    address = parse(answers.email).address
    suppression = suppressions.find(account.id, address)
    if suppression and suppression.reason not in consent.COME_BACK:
        return
    contact, is_new = _contact(account, answers, address)
    entry = _entry(form, contact, language, answers.lists)
    before = _active(contact, answers.lists)
    states = consent.subscribe_all(
        contact,
        _lists(account, answers.lists),
        source="form",
        wording=design.consent,
        evidence=dict(evidence),
        language=language,
    )
    if not is_new:
        entry.answers = answers.told()
    joined = {one.list_id for one in states if one.state == "active"} - before
    if joined:
        arrived(contact, joined, is_proved=False)
    elif all(one.state == "active" for one in states):
        entry.answers = {}
    db.session.flush()


def arrived(contact: Contact, list_ids: Collection[int], *, is_proved: bool) -> None:
    """The person is on these lists now: count it, and tell whom it concerns.

    `is_proved`: they pressed the button of a mail, so what was typed about them is theirs; else
    it only fills gaps.
    """
    for entry in _waiting(contact):
        if not set(entry.lists) & set(list_ids):
            continue
        _take_answers(contact, entry, is_proved=is_proved)
        if entry.confirmed_at is None:
            _count_in(entry)


def entry_of(contact: Contact, list_ids: Collection[int]) -> FormEntry | None:
    """The form by which somebody came onto one of these lists; the last one."""
    rows = db.session.scalars(
        sa.select(FormEntry)
        .where(FormEntry.contact_id == contact.id)
        .order_by(FormEntry.id.desc())
        .limit(20)
    )
    return next((one for one in rows if set(one.lists) & set(list_ids)), None)


def _contact(account: Account, answers: Answers, address: str) -> tuple[Contact, bool]:
    known = db.session.scalar(
        sa.select(Contact).where(Contact.account_id == account.id, Contact.address == address)
    )
    if known:
        return known, False
    names: dict[str, Any] = dict(answers.names)
    made = writing.create(
        account, answers.email, **names, fields=answers.fields, by=BY_PERSON, by_person=True
    )
    return made, True


def _lists(account: Account, ids: Sequence[int]) -> Sequence[ContactList]:
    return db.session.scalars(
        sa.select(ContactList)
        .where(ContactList.account_id == account.id, ContactList.id.in_(ids))
        .where(ContactList.archived_at.is_(None))
        .order_by(ContactList.id)
    ).all()


def _active(contact: Contact, ids: Sequence[int]) -> set[int]:
    return set(
        db.session.scalars(
            sa.select(Subscription.list_id).where(
                Subscription.contact_id == contact.id,
                Subscription.list_id.in_(ids),
                Subscription.state == "active",
            )
        )
    )


def _entry(form: SignUpForm, contact: Contact, language: str, lists: list[int]) -> FormEntry:
    found = db.session.scalar(
        sa.select(FormEntry).where(FormEntry.form_id == form.id, FormEntry.contact_id == contact.id)
    )
    if found is None:
        found = FormEntry(
            account_id=form.account_id, form_id=form.id, contact_id=contact.id, answers={}
        )
        _count(form.id, sent_in=1)
        db.session.add(found)
    found.version, found.language, found.lists = form.version, language, list(lists)
    db.session.flush()
    return found


def _waiting(contact: Contact) -> Sequence[FormEntry]:
    return db.session.scalars(
        sa.select(FormEntry).where(FormEntry.contact_id == contact.id).order_by(FormEntry.id)
    ).all()


def _take_answers(contact: Contact, entry: FormEntry, *, is_proved: bool) -> None:
    told, entry.answers = dict(entry.answers), {}
    if not is_proved:
        told = _gaps_of(contact, told)
    if not told:
        return
    try:
        writing.update(contact, by=BY_PERSON, **told)
    except Invalid:
        # A field has another type by now. That is no reason to refuse a subscription.
        return


def _gaps_of(contact: Contact, told: dict[str, Any]) -> dict[str, Any]:
    own = told.pop("fields", {})
    gaps = {name: value for name, value in told.items() if not getattr(contact, name)}
    missing = {key: value for key, value in own.items() if key not in contact.fields}
    return gaps | ({"fields": missing} if missing else {})


def _count_in(entry: FormEntry) -> None:
    form = db.session.get_one(SignUpForm, entry.form_id)
    entry.confirmed_at = now()
    entry.is_news, entry.is_to_greet = bool(form.tells), form.greets
    _count(form.id, confirmed=1)
    db.session.flush()


def _count(form_id: int, **changes: int) -> None:
    """Add to the kept counters."""
    values = {name: getattr(SignUpForm, name) + n for name, n in changes.items()}
    db.session.execute(
        sa.update(SignUpForm)
        .where(SignUpForm.id == form_id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
