"""Adding, changing and erasing people."""

from __future__ import annotations

import io

import pytest
import sqlalchemy as sa

from app.contacts import consent, erasing, fields, importing, lists, suppressions, tags, writing
from app.contacts.models import Contact, Headcount, Suppression, Tag
from app.contacts.text import has_card_number, mask_card_numbers, search_key
from app.core.db import db, transaction
from app.core.errors import Invalid
from tests.api.conftest import Program, program
from tests.conftest import Person

__all__ = ["program"]

CARD = "4111 1111 1111 1111"


def people(person: Person) -> int:
    row = db.session.get(Headcount, person.account.id, populate_existing=True)
    return row.people if row else 0


def test_a_contact_is_found_by_what_is_the_same_address(alice: Person) -> None:
    with transaction():
        writing.create(alice.account, "Ann@Example.com")

    with pytest.raises(writing.AddressTaken), transaction():
        writing.create(alice.account, "ann@EXAMPLE.com")
    assert people(alice) == 1


@pytest.mark.parametrize(
    ("email", "first", "company", "kind"),
    [
        ("ann@example.com", "Ann", "Bakery", "person"),
        ("info@example.com", "", "", "organisation"),
        ("ann@example.com", "", "Bakery Ltd", "organisation"),
        ("ann@example.com", "", "", "person"),
    ],
)
def test_kinds_are_guessed_and_can_be_corrected(
    alice: Person, email: str, first: str, company: str, kind: str
) -> None:
    with transaction():
        contact = writing.create(alice.account, email, first_name=first, company=company)
        assert contact.kind == kind
        writing.update(contact, kind="organisation")
    assert contact.kind == "organisation"


def test_fields_have_types(alice: Person) -> None:
    account_id = alice.account.id
    with transaction():
        fields.create(account_id, "Born on", type_="date")
        fields.create(account_id, "Spent", type_="number")
        fields.create(account_id, "Vegan", type_="yes_no")
        contact = writing.create(
            alice.account,
            "ann@example.com",
            fields={"born_on": "31.12.1990", "spent": "1.234,50", "vegan": "ja", "Town": "Oslo"},
        )

    assert contact.fields == {
        "born_on": "1990-12-31", "spent": 1234.5, "vegan": True, "town": "Oslo",
    }  # fmt: skip
    with pytest.raises(fields.Misfit, match="not a date"), transaction():
        writing.update(contact, fields={"born_on": "soon"})
    with transaction():
        assert writing.update(contact, fields={"town": None})
        assert not writing.update(contact, fields={"vegan": True}, first_name="")
    assert "town" not in contact.fields


@pytest.mark.parametrize("given", ["1e999", "-1e999", str(10**400), "NaN"])
def test_numbers_that_no_database_keeps_are_refused(
    alice: Person, program: Program, given: str
) -> None:
    with transaction():
        fields.create(alice.account.id, "Spent", type_="number")
        fields.create(alice.account.id, "Orders", type_="json")

    for values in (f'"spent": {given}', f'"orders": [{{"sum": {given}}}]'):
        body = f'{{"email": "ann@example.com", "fields": {{{values}}}}}'
        answer = program("POST", "/contacts", data=body, content_type="application/json")
        assert answer.status_code == (400 if given == "NaN" else 422)
    rows = f'email;Orders\nann@example.com;{{"sum": [{given}]}}\nben@example.com;[1]\n'
    import_ = importing.stage(alice.account, io.BytesIO(rows.encode()), "a.csv", basis="Counter")
    importing.run(import_.id)
    assert (import_.created, import_.rejected) == (1, 1)


def test_tags_are_counted(alice: Person) -> None:
    with transaction():
        ann = writing.create(alice.account, "ann@example.com", tags=["VIP", "vegan", "VIP"])
        ben = writing.create(alice.account, "ben@example.com", tags=["VIP"])
    with transaction():
        assert writing.update(ann, tags=["vegan"])
        assert tags.add(tags.named(alice.account.id, "vegan"), [ann.id, ben.id]) == 1

    counts = db.session.execute(sa.select(Tag.name, Tag.people).order_by(Tag.name)).all()
    assert [tuple(row) for row in counts] == [("VIP", 1), ("vegan", 2)]


@pytest.mark.parametrize("where", ["first_name", "company", "notes", "fields", "tags"])
def test_card_numbers_are_refused_everywhere(alice: Person, where: str) -> None:
    value: object = f"paid with {CARD}"
    value = {"fields": {"note": value}, "tags": [value]}.get(where, value)

    with pytest.raises(Invalid, match="card number"), transaction():
        writing.create(alice.account, "ann@example.com", **{where: value})  # type: ignore[arg-type]
    assert people(alice) == 0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (CARD, True), ("4111-1111-1111-1111 12/27", True), ("378282246310005", True),
        ("no: 5555555555554444!", True), ("+4111 1111 1111 1111", False),
        ("4111111111111112", False),
        ("+49 30 5550100", False), ("2024-11-19 02:38:00", False), ("0" * 16, False),
    ],
)  # fmt: skip
def test_what_a_card_number_is(text: str, found: bool) -> None:
    assert has_card_number(text) is found


def test_masking_leaves_no_digit_of_a_card() -> None:
    assert mask_card_numbers(f"a {CARD}, 7") == "a •••• •••• •••• ••••, 7"


def test_hidden_and_turning_marks_are_taken_out(alice: Person) -> None:
    with transaction():
        ann = writing.create(alice.account, "ann@example.com", first_name="A\u202enn\u200b\x00 B\n")

    assert ann.first_name == "Ann  B"


def test_searching_folds_case_and_accents() -> None:
    assert search_key("Mu\u0308LLER") == search_key("müller") == "muller"


def test_the_owners_deletion_leaves_nothing(alice: Person) -> None:
    with transaction():
        news = lists.create(alice.account, "News")
        ann = writing.create(alice.account, "ann@example.com", tags=["VIP"])
        consent.subscribe(ann, news, source="hand")
    with transaction():
        erasing.erase(ann, by="owner")

    db.session.expire_all()
    assert (people(alice), news.active) == (0, 0)
    assert db.session.scalars(sa.select(Tag.people)).all() == [0]
    assert not db.session.scalars(sa.select(Suppression)).all()
    with transaction():
        writing.create(alice.account, "ann@example.com")


def test_who_had_left_stays_out_by_a_hash(alice: Person) -> None:
    with transaction():
        ann = writing.create(alice.account, "ann@example.com")
        consent.withdraw(ann, source="link")
    with transaction():
        erasing.erase(ann, by="owner")

    tombstone = db.session.scalars(sa.select(Suppression)).one()
    assert tombstone.address is None
    assert not db.session.scalars(sa.select(Contact)).all()
    with pytest.raises(suppressions.Suppressed), transaction():
        writing.create(alice.account, "ANN@example.com")


def test_an_address_cannot_be_changed_past_a_suppression(alice: Person) -> None:
    with transaction():
        ann = writing.create(alice.account, "ann@example.com")
        consent.withdraw(ann, source="link")

    with pytest.raises(suppressions.Suppressed), transaction():
        writing.update(ann, email="ann.other@example.com")
    with transaction():
        assert writing.update(ann, email="Ann@example.com")
