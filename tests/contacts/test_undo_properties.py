"""Whatever an account has and whatever files come: undone, everything is as it was before."""

from __future__ import annotations

import csv
import io
import itertools
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.accounts import opening
from app.accounts.models import Account
from app.contacts import (
    changes,
    channels,
    consent,
    erasing,
    importing,
    lists,
    suppressions,
    undoing,
    writing,
)
from app.contacts.models import (
    ChannelConsent,
    Contact,
    ContactField,
    ContactList,
    Headcount,
    Import,
    ImportJournal,
    Subscription,
    Suppression,
    Tag,
    contact_tag,
)
from app.core.db import db, transaction

POOL = [f"p{n}@example.com" for n in range(7)]
WORDS = st.sampled_from(["", "A", "B", "Zoë"])
TAGS = st.lists(st.sampled_from(["vip", "new", "old"]), max_size=2, unique=True)
COLUMNS = (
    "email", "first name", "company", "town", "cake", "notes", "tags", "lists", "external id",
    "post allowed", "status",
)  # fmt: skip
LISTS = st.lists(st.sampled_from(["News", "news ", "Other", "Cakes"]), max_size=2, unique=True)
POST = st.sampled_from(["", "", "yes", "no"])
NUMBER = itertools.count()

person = st.fixed_dictionaries(
    {
        "first_name": WORDS,
        "town": WORDS,
        "tags": TAGS,
        "place": st.sampled_from(["none", "active", "ended", "pending"]),
        "post": POST,
        "barred": st.sampled_from(["", "", "", "unsubscribed", "account", "erased"]),
    }
)
row = st.tuples(
    st.sampled_from(POOL), WORDS, WORDS, WORDS, WORDS, WORDS, TAGS.map(";".join),
    LISTS.map(";".join), WORDS, POST,
    st.sampled_from(["", "", "", "unsubscribed", "cleaned"]),
)  # fmt: skip
file = st.fixed_dictionaries(
    {
        "rows": st.lists(row, min_size=1, max_size=12),
        "mode": st.sampled_from(["update", "update", "add"]),
        "list": st.sampled_from(["", "News", "Other"]),
        "keep": st.sets(st.sampled_from(COLUMNS[1:6]), max_size=2),
        "chunk": st.integers(1, 5),
    }
)


def prepare(people: dict[str, dict[str, Any]]) -> Account:
    """An account of its own with these people."""
    number = next(NUMBER)
    with transaction():
        account, _ = opening.open_account(
            business=f"Bakery {number}", email=f"owner{number}@bakery.example", address="High St 1"
        )
        news = lists.create(account, "News")
        lists.create(account, "Other")
        for address, one in people.items():
            _prepare_person(account, news, address, one)
    return account


def _prepare_person(account: Account, news: ContactList, address: str, one: Any) -> None:
    fields = {"town": one["town"]} if one["town"] else {}
    found = writing.create(
        account, address, first_name=one["first_name"], tags=one["tags"], fields=fields
    )
    if one["post"]:
        channels.say(found, "post", one["post"], wording="On a card", by=changes.NOBODY)
    if one["place"] != "none":
        consent.subscribe(found, news, source="hand")
    if one["place"] == "ended":
        consent.leave_list(found, news, source="link")
    if one["place"] == "pending":
        db.session.get_one(Subscription, (found.id, news.id)).state = "pending"
        news.active, news.pending = news.active - 1, news.pending + 1
    if one["barred"] == "erased":
        erasing.erase(found, by="person")
    elif one["barred"]:
        suppressions.add(account.id, address, reason=one["barred"])


def bring(account: Account, given: dict[str, Any]) -> Import:
    """Import one of the files, in small chunks."""
    out = io.StringIO()
    csv.writer(out).writerows([COLUMNS, *given["rows"]])
    found = sa.select(ContactList).where(
        ContactList.account_id == account.id, ContactList.name == given["list"]
    )
    import_ = importing.stage(
        account, io.BytesIO(out.getvalue().encode()), "people.csv", basis="At the counter.",
        list_=db.session.scalar(found), mode=given["mode"],
    )  # fmt: skip
    with transaction():
        columns = import_.mapping["columns"]
        kept = [{**column, "keep": column["name"] in given["keep"]} for column in columns]
        import_.mapping = {"columns": kept}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importing, "CHUNK", given["chunk"])
        while importing.run(import_.id):
            pass
    db.session.expire_all()
    assert import_.state == "finished"
    return import_


def undo(import_: Import, at_once: int) -> dict[str, int]:
    """Count and undo; returns the numbers, which must agree."""
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(undoing, "AT_ONCE", at_once)
        for begin in (undoing.count, undoing.start):
            with transaction():
                begin(import_)
            while undoing.run(import_.id, budget_s=0):
                pass
            db.session.expire_all()
            said.append(db.session.get_one(ImportJournal, import_.id).numbers)
    assert said[0] == said[1]
    return said[1]


def content(account: Account) -> dict[str, Any]:
    """All that the account has; ids are left out, and evidence is only ever added to."""
    db.session.rollback()
    mine = Contact.account_id == account.id
    places = sa.select(
        ContactList.name, Contact.address, Subscription.state, Subscription.since
    ).select_from(Subscription).join(ContactList).join(Contact).where(mine)  # fmt: skip
    tagged = sa.select(Tag.name, Contact.address).select_from(contact_tag).join(Tag).join(Contact)
    return {
        "people": {
            one.address: (
                one.email, one.kind, one.first_name, one.last_name, one.company, one.first_key,
                one.last_key, one.company_key, dict(one.fields), one.notes, one.created_at,
                one.updated_at, one.external_id,
            )
            for one in db.session.scalars(sa.select(Contact).where(mine))
        },
        "places": sorted(tuple(one) for one in db.session.execute(places)),
        "post": sorted(
            (one.contact_id, one.channel, one.is_allowed, one.wording, one.at)
            for one in _all(account, ChannelConsent)
        ),
        "tagged": sorted(tuple(one) for one in db.session.execute(tagged.where(mine))),
        "barred": sorted(
            (one.address_hash, one.address or "", one.reason, one.detail, one.created_at)
            for one in _all(account, Suppression)
        ),
        "fields": sorted(one.key for one in _all(account, ContactField)),
        "tags": sorted((one.name, one.people) for one in _all(account, Tag)),
        "lists": sorted((one.name, one.active, one.pending) for one in _all(account, ContactList)),
        "headcount": db.session.scalar(
            sa.select(Headcount.people).where(Headcount.account_id == account.id)
        ) or 0,
    }  # fmt: skip


def _all(account: Account, model: Any) -> list[Any]:
    query = sa.select(model).where(model.account_id == account.id)
    return list(db.session.scalars(query.execution_options(populate_existing=True)))


def adds_up(account: Account) -> None:
    """Kept counters are what a count finds."""
    there = content(account)
    assert there["headcount"] == len(there["people"])
    for name, active, pending in there["lists"]:
        states = [state for list_, _, state, _ in there["places"] if list_ == name]
        assert (active, pending) == (states.count("active"), states.count("pending"))
    for name, people in there["tags"]:
        assert people == sum(tag == name for tag, _ in there["tagged"])


# Making a failing case small would take minutes; the cases are small enough to read.
SETTINGS = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)


@SETTINGS
@given(
    people=st.dictionaries(st.sampled_from(POOL), person, max_size=5),
    given_file=file,
    at_once=st.integers(1, 4),
)
def test_an_undone_import_leaves_no_trace(
    app: Flask, people: dict[str, Any], given_file: dict[str, Any], at_once: int
) -> None:
    account = prepare(people)
    before = content(account)
    import_ = bring(account, given_file)
    adds_up(account)

    numbers = undo(import_, at_once)

    assert content(account) == before
    assert numbers.get("removed", 0) == import_.created
    assert not any(name.startswith("stay") or name == "left" for name in numbers)


@SETTINGS
@given(
    people=st.dictionaries(st.sampled_from(POOL), person, max_size=5),
    files=st.tuples(file, file),
    backwards=st.booleans(),
    at_once=st.integers(1, 4),
)
def test_two_imports_undone_in_any_order_leave_no_trace(
    app: Flask,
    people: dict[str, Any],
    files: tuple[dict[str, Any], dict[str, Any]],
    backwards: bool,
    at_once: int,
) -> None:
    # What two files say of one person not to be mailed stays on purpose: one of them says so.
    files[1]["rows"] = [(*one[:-1], "") for one in files[1]["rows"]]
    account = prepare(people)
    before = content(account)
    imports = [bring(account, one) for one in files]
    adds_up(account)

    for import_ in reversed(imports) if backwards else imports:
        undo(import_, at_once)
        adds_up(account)

    assert content(account) == before
