"""Taking in sign-up forms: closed, with everything that they ever said, for the ledger names it.

What a form says is checked as if its owner had just typed it; what does not fit here is left
away, such as a page to go on to that is not known to be theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.campaigns.models import Greeting
from app.contacts import fields
from app.contacts.bulk import insert_missing
from app.contacts.models import ContactField, ContactList, FormVersion, SignUpForm
from app.contacts.signup import building, design
from app.contacts.signup.design import Design
from app.contacts.text import clean_line, clean_note
from app.core.db import Base, db
from app.moving.choice_in import rows_of
from app.moving.steps import ADDED, KNOWN, Into, Row, is_yes, moment, whole, words

COUNTERS = ("shown", "sent_in", "confirmed")
#: What a form may have of each before it is cut.
SHORT = {"title": design.LINE, "button": 60}
LONG = ("intro", "consent", "thanks")
COLOURS = ("accent", "text", "background")


def forms(into: Into, rows: Sequence[Row]) -> None:
    """A chunk of signup_forms.jsonl; a form that came with an earlier file is left alone."""
    reader = Reader(into)
    here = {
        row.created_at: row.id
        for row in db.session.scalars(
            sa.select(SignUpForm).where(SignUpForm.account_id == into.account.id)
        )
    }
    moved: dict[int, int | None] = {}
    fresh: dict[int, int | None] = {}
    for row in rows:
        old, at = whole(row.get("id")), moment(row.get("created_at"), latest=into.at)
        if not old or at is None or not isinstance(row.get("design"), dict):
            into.leave_out("signup_forms", "A sign-up form without its design.")
            continue
        if at not in here:
            here[at] = fresh[old] = _form(into, row, reader.read(row["design"])).id
        moved[old] = here[at]
    into.count("signup_forms", ADDED, len(fresh))
    into.count("signup_forms", KNOWN, len(moved) - len(fresh))
    into.remember("signup_form", moved)
    into.remember("fresh_form", fresh)


def versions(into: Into, rows: Sequence[Row]) -> None:
    """A chunk of signup_form_versions.jsonl, of forms that came with this file."""
    reader = Reader(into)
    ids = into.new_ids("fresh_form", (row.get("form_id") for row in rows))
    wanted = [
        {
            "form_id": ids[old], "number": number, "account_id": into.account.id,
            "design": reader.read(row["design"]).to_json(),
            "created_at": moment(row.get("created_at"), latest=into.at) or into.at,
        }
        for row in rows
        if (old := whole(row.get("form_id")) or 0) in ids
        and (number := whole(row.get("number"))) and isinstance(row.get("design"), dict)
    ]  # fmt: skip
    insert_missing(Base.metadata.tables[FormVersion.__tablename__], wanted)


def _form(into: Into, row: Row, made: Design) -> SignUpForm:
    name = clean_line(words(row.get("name"))) or "Form"
    created = moment(row.get("created_at"), latest=into.at) or into.at
    form = SignUpForm(
        account_id=into.account.id, name=name, version=max(whole(row.get("version")) or 1, 1),
        is_open=False, archived_at=_archived(into, row), greets=False,
        tells=row["tells"] if row.get("tells") in building.TELLS else "",
        created_at=created, updated_at=moment(row.get("updated_at"), latest=into.at) or created,
        **{name: whole(row.get(name)) or 0 for name in COUNTERS},
    )  # fmt: skip
    _add(form, words(row.get("slug")))
    version = FormVersion(
        form_id=form.id, number=form.version, account_id=form.account_id, design=made.to_json(),
        created_at=form.updated_at,
    )  # fmt: skip
    db.session.add(version)
    _welcome(form, row.get("welcome"))
    db.session.flush()
    return form


def _archived(into: Into, row: Row) -> Any:
    """Beyond what an account can have, forms come in put away."""
    there = sa.select(sa.func.count()).where(
        SignUpForm.account_id == into.account.id, SignUpForm.archived_at.is_(None)
    )
    is_full = (db.session.scalar(there) or 0) >= building.MOST
    return moment(row.get("archived_at"), latest=into.at) or (into.at if is_full else None)


def _add(form: SignUpForm, slug: str) -> None:
    """At the address it had, where nobody has that here; else at a fresh one."""
    taken = sa.select(SignUpForm.id).where(SignUpForm.slug == slug)
    is_free = building.SLUG.fullmatch(slug) and db.session.scalar(taken) is None
    form.slug = slug if is_free else building.free_slug(form.name)
    try:
        with db.session.begin_nested():
            db.session.add(form)
    except IntegrityError:  # somebody took it in this moment
        form.slug = building.free_slug(form.name)
        db.session.add(form)
        db.session.flush()


def _welcome(form: SignUpForm, given: Any) -> None:
    """As it was written, switched off; what went out already is among the campaigns."""
    if isinstance(given, dict):
        texts = {name: words(given.get(name)) for name in ("from_email", "subject", "body")}
        texts["from_email"] = clean_line(texts["from_email"], 320)
        texts["subject"] = clean_line(texts["subject"], 500)
        db.session.add(Greeting(form_id=form.id, account_id=form.account_id, is_on=False, **texts))


class Reader:
    """Designs of elsewhere as designs of here."""

    def __init__(self, into: Into) -> None:
        self._into = into
        self._fields: Mapping[str, ContactField] = fields.of(into.account.id)
        query = sa.select(ContactList).where(ContactList.account_id == into.account.id)
        self._lists = {row.id: row for row in db.session.scalars(query)}

    def read(self, given: Row) -> Design:
        """Whatever stands there, a design comes of it that can be shown."""
        choices = rows_of(given.get("lists"))
        ids = self._into.new_ids("list", (one.get("id") for one in choices))
        chosen = [
            (one, self._lists[ids[old]])
            for one in choices
            if (old := whole(one.get("id")) or 0) in ids and ids[old] in self._lists
        ]
        typed = {**_texts(given), **_asked(rows_of(given.get("questions")))}
        for one, list_ in chosen:
            typed[f"list-{list_.id}"] = "yes"
            typed[f"list-label-{list_.id}"] = words(one.get("label"))
        lists = list(dict.fromkeys(list_ for _, list_ in chosen))
        read = design.read(self._into.account, typed, lists=lists, known=self._fields)
        return _without(read.design, read.errors.keys())


def _texts(given: Row) -> dict[str, str]:
    found = {name: words(given.get(name)) for name in ("language", "redirect", *COLOURS)}
    found |= {name: clean_line(words(given.get(name)), most) for name, most in SHORT.items()}
    found |= {name: clean_note(words(given.get(name)))[: design.TEXT] for name in LONG}
    for name in ("visitor_chooses", "consent_box"):
        found[name] = "yes" if is_yes(given.get(name)) else ""
    return found


def _asked(questions: Sequence[Row]) -> dict[str, str]:
    found = dict[str, str]()
    for place, one in enumerate(questions[: design.MOST_FIELDS]):
        key = words(one.get("key"))
        found[f"ask-{key}"] = "required" if is_yes(one.get("required")) else "asked"
        found[f"label-{key}"], found[f"place-{key}"] = words(one.get("label")), str(place)
    return found


def _without(made: Design, wrong: Any) -> Design:
    """Colours that nobody can read go together; so does where to go on to."""
    if set(wrong) & set(COLOURS):
        made = replace(made, accent="", text="", background="")
    return replace(made, redirect="") if "redirect" in wrong else made
