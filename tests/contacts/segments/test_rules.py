"""Rules one by one: what is kept readable, what is refused and how, what reaches beyond walls."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import sqlalchemy as sa

from app.campaigns.models import Campaign
from app.contacts import fields, segments
from app.contacts.models import Contact, ContactList
from app.contacts.segments import elsewhere, keeping, reading, rule
from app.core.db import Base, db, transaction
from app.core.folding import LAST, fold, folded
from tests.campaigns.conftest import add_list, add_people
from tests.conftest import Person

TYPES = {"town": "text", "score": "number", "birthday": "date", "vip": "yes_no"}


def found(account_id: int, stored: dict[str, Any]) -> set[str]:
    query = sa.select(Contact.first_name).where(
        Contact.account_id == account_id, segments.condition(account_id, stored)
    )
    return set(db.session.scalars(query))


@pytest.mark.parametrize(
    ("old", "now"),
    [
        ({"field": "tag", "op": "has", "value": "vip"}, rule.Tagged("vip")),
        ({"field": "tag", "op": "is_not", "value": "vip"}, rule.Tagged("vip", negated=True)),
        ({"field": "list", "op": "is", "value": 7}, rule.OnList(7)),
        ({"field": "list", "op": "has_not", "value": 7}, rule.OnList(7, negated=True)),
        ({"field": "kind", "op": "has", "value": "person"}, rule.Kind("person")),
    ],
)
def test_rules_of_the_first_version_stay_readable(old: dict[str, Any], now: rule.Rule) -> None:
    assert reading.read(old, {}) == now


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Choose what to ask for"),
        (None, "no condition"),
        ([], "no condition"),
        ({"all": []}, "Add a condition"),
        ({"all": [{"field": "kind", "op": "is", "value": "person"}], "any": []}, "Add a condition"),
        ({"field": "password", "op": "is", "value": "x"}, "There is no “password”"),
        ({"field": "account_id", "op": "is", "value": 1}, "There is no “account_id”"),
        ({"field": "fields.none", "op": "is", "value": 1}, "There is no “fields.none”"),
        ({"field": "tag", "op": "has", "value": 7}, "Choose a tag"),
        ({"field": "tag", "op": "in", "value": "x"}, "cannot be compared"),
        ({"field": "email", "op": "is", "value": " "}, "Enter a text"),
        ({"field": "fields.score", "op": "more", "value": "5"}, "Enter a number"),
        ({"field": "fields.score", "op": "more", "value": True}, "Enter a number"),
        ({"field": "fields.score", "op": "more", "value": float("inf")}, "Enter a number"),
        ({"field": "fields.score", "op": "between", "value": [1]}, "Enter two numbers"),
        ({"field": "fields.birthday", "op": "on", "value": "1.1.2025"}, "Choose a date"),
        ({"field": "fields.birthday", "op": "on", "value": "0001-01-01"}, "1000 and 9000"),
        ({"field": "fields.vip", "op": "is", "value": "yes"}, "yes or no"),
        ({"field": "added", "op": "in_last", "value": -1}, "number of days"),
        ({"field": "added", "op": "anniversary_in", "value": 1}, "cannot be compared"),
        ({"field": "opened", "op": "did", "times": 0}, "how many mails"),
        ({"field": "opened", "op": "did", "campaign": "all"}, "Choose a campaign"),
        ({"field": "opened", "op": "did", "campaign": {"last": 0}}, "how many campaigns"),
        ({"field": "opened", "op": "did", "when": {"op": "soon"}}, "cannot be compared"),
        ({"field": "list", "op": "on", "value": 1, "state": "gone"}, "how they are on"),
        ({"field": "source", "op": "is", "value": {"import": "1"}}, "Choose an import"),
        ({"field": "consent", "op": "has", "value": "yes"}, "what they agreed to"),
    ],
)
def test_a_rule_that_cannot_be_worked_out_says_what_to_mend(given: Any, words: str) -> None:
    with pytest.raises(segments.BadRule, match=words):
        reading.read(given, TYPES)


@pytest.mark.parametrize(
    "backwards",
    [
        {"field": "added", "op": "between", "value": ["2026-12-31", "2020-01-01"]},
        {"field": "list", "op": "on", "value": 1,
         "when": {"op": "between", "value": ["2026-12-31", "2020-01-01"]}},
        {"field": "fields.score", "op": "between", "value": [9, 1.5]},
    ],
)  # fmt: skip
def test_a_span_that_ends_before_it_begins_is_refused_where_it_is_written(
    alice: Person, backwards: dict[str, Any]
) -> None:
    with transaction():
        fields.create(alice.account.id, "Score", type_="number")
    nested = {"all": [{"field": "tag", "op": "has", "value": "vip"}, {"none": [backwards]}]}

    with pytest.raises(segments.BadRule, match="Swap them") as caught:
        keeping.create(alice.account.id, "Backwards", nested)

    assert caught.value.place == "0.1.0"
    assert segments.is_readable(alice.account.id, nested), "what is stored stays as it is"


def test_rules_have_a_limit_in_depth_and_in_size() -> None:
    one: dict[str, Any] = {"field": "kind", "op": "is", "value": "person"}
    deep = one
    for _ in range(5):
        deep = {"all": [deep]}

    assert reading.read(deep, {})
    with pytest.raises(segments.BadRule, match="too deep"):
        reading.read({"all": [deep]}, {})
    with pytest.raises(segments.BadRule, match="50 conditions"):
        reading.read({"any": [{"all": [one] * 30}, {"all": [one] * 21}]}, {})


def test_the_place_of_what_is_wrong_is_told() -> None:
    good = {"field": "kind", "op": "is", "value": "person"}
    bad = {"field": "tag", "op": "has", "value": ""}

    with pytest.raises(segments.BadRule) as caught:
        reading.read({"any": [good, {"none": [good, bad]}]}, {})

    assert caught.value.place == "0.1.1"


def test_another_accounts_list_tag_and_campaign_fit_nobody(alice: Person, charlie: Person) -> None:
    own, foreign = add_list(alice.account), add_list(charlie.account)
    add_people(alice.account, own, "Anna")
    add_people(charlie.account, foreign, "Carl")
    with transaction():
        campaign = Campaign(account_id=charlie.account.id, name="Theirs", state="sent")
        db.session.add(campaign)
    mine = alice.account.id

    assert found(mine, {"field": "list", "op": "on", "value": own.id}) == {"Anna"}
    assert found(mine, {"field": "list", "op": "on", "value": foreign.id}) == set()
    received = {"field": "received", "op": "did", "campaign": campaign.id}
    assert found(mine, received) == set()
    everybody = {"any": [{"field": "kind", "op": "is", "value": "person"}, received]}
    assert found(mine, everybody) == {"Anna"}


@pytest.mark.parametrize("text", ["' OR 1=1 --", "%", "_", "*", "[a-z]", "\\", '"', "$", "?", ":x"])
def test_texts_are_only_ever_texts(alice: Person, text: str) -> None:
    place: ContactList = add_list(alice.account)
    add_people(alice.account, place, "Anna")

    for op in ("is", "contains", "begins", "ends"):
        assert found(alice.account.id, {"field": "first_name", "op": op, "value": text}) == set()


def test_no_letter_of_two_sizes_is_left_out() -> None:
    lowered = [chr(code).lower() for code in range(LAST + 1, sys.maxunicode + 1)]

    assert all(small == chr(LAST + 1 + n) for n, small in enumerate(lowered))


def test_letters_fold_alike_in_python_and_in_the_database(app: object) -> None:
    letters = "".join(chr(code) for code in range(1, 0x2FA20) if not 0xD800 <= code < 0xE000)
    texts = [letters[first : first + 1_000] for first in range(0, len(letters), 1_000)]

    for text in [*texts, "plain LETTERS", ""]:
        query = sa.select(folded(sa.literal(text, sa.Text()), db.engine.dialect.name))
        assert db.session.scalar(query) == fold(text)


def test_the_tables_of_other_features_are_as_they_are_described(app: object) -> None:
    for table in elsewhere.TABLES:
        real = Base.metadata.tables[table.name]
        for column in table.c:
            same = (real.c[column.name].type.python_type, column.type.python_type)
            assert same[0] is same[1], f"{table.name}.{column.name}"
