from __future__ import annotations

import pytest
import sqlalchemy as sa

from app.accounts.models import Notice
from app.contacts import consent
from app.contacts.models import Contact, Suppression
from app.core.db import db, transaction
from tests.api.conftest import Program
from tests.conftest import Person


def make_list(program: Program, name: str = "News", opt_in: str = "single") -> int:
    answer = program("POST", "/lists", {"name": name, "opt_in": opt_in})
    return int(answer.get_json()["id"])


def make_contact(program: Program, email: str = "vera@example.com", **details: object) -> int:
    return int(program("POST", "/contacts", {"email": email, **details}).get_json()["id"])


def test_a_contact_is_made_read_changed_and_deleted(program: Program) -> None:
    news = make_list(program)
    body = {
        "email": "Vera@Example.com", "first_name": "Vera", "company": "Vera & Co",
        "kind": "person", "fields": {"cake": "apple"}, "lists": [news], "tags": ["b", "a"],
    }  # fmt: skip

    made = program("POST", "/contacts", body)
    contact = made.get_json()["id"]

    assert made.status_code == 201
    seen = program("GET", f"/contacts/{contact}").get_json()
    assert seen["email"] == "Vera@Example.com"
    assert (seen["fields"], seen["lists"], seen["tags"]) == ({"cake": "apple"}, [news], ["a", "b"])
    changed = program("PATCH", f"/contacts/{contact}", {"last_name": "Viewer", "lists": []})
    assert changed.status_code == 200
    assert (changed.get_json()["last_name"], changed.get_json()["lists"]) == ("Viewer", [])
    assert changed.get_json()["first_name"] == "Vera"
    assert program("DELETE", f"/contacts/{contact}").status_code == 204
    assert program("GET", f"/contacts/{contact}").status_code == 404


def test_a_field_may_be_called_by_its_label(program: Program) -> None:
    first = make_contact(program, fields={"Favourite cake": "apple"})
    second = make_contact(program, "bob@example.com", fields={"Favourite cake": "cheese"})

    def fields_of(contact: int) -> object:
        return program("GET", f"/contacts/{contact}").get_json()["fields"]

    assert fields_of(second) == {"favourite_cake": "cheese"}
    program("PATCH", f"/contacts/{first}", {"fields": {"Favourite cake": None}})
    assert fields_of(first) == {}


def test_the_same_address_twice_is_409_and_names_the_contact(program: Program) -> None:
    contact = make_contact(program)

    answer = program("POST", "/contacts", {"email": "VERA@example.com"})

    assert answer.status_code == 409
    assert answer.get_json()["contact"] == contact
    assert "email" in answer.get_json()["errors"]


@pytest.mark.parametrize("email", ["", "vera", "vera@", "a@b@c.example", "vera@exa mple.com"])
def test_a_bad_address_is_422_at_its_field(program: Program, email: str) -> None:
    answer = program("POST", "/contacts", {"email": email})

    assert answer.status_code == 422
    assert answer.get_json()["errors"]["email"]


def test_an_unknown_list_is_named_and_nothing_is_made(program: Program) -> None:
    answer = program("POST", "/contacts", {"email": "vera@example.com", "lists": [77]})

    assert answer.status_code == 422
    assert answer.get_json()["errors"] == {"lists": ["There is no list 77."]}
    assert db.session.scalar(sa.select(sa.func.count(Contact.id))) == 0


def test_double_opt_in_asks_first(program: Program) -> None:
    news = make_list(program, opt_in="double")

    made = program("POST", "/contacts", {"email": "vera@example.com", "lists": [news]}).get_json()

    assert [one["state"] for one in made["subscriptions"]] == ["pending"]
    assert db.session.scalar(sa.select(Notice.to_email)) == "vera@example.com"


def test_somebody_who_left_is_not_put_on_a_list(program: Program, alice: Person) -> None:
    news, contact = make_list(program), make_contact(program)
    with transaction():
        consent.withdraw(db.session.get_one(Contact, contact), source="link")

    answer = program("PATCH", f"/contacts/{contact}", {"lists": [news]})

    assert answer.status_code == 409
    assert program("GET", f"/contacts/{contact}").get_json()["suppressed"] is True
    assert program("GET", f"/contacts/{contact}").get_json()["lists"] == []


def test_suppressions_are_kept_shown_and_lifted(program: Program) -> None:
    made = program("POST", "/suppressions", {"email": "No@Example.com", "reason": "asked us"})
    row = made.get_json()

    assert made.status_code == 201
    assert (row["email"], row["reason"], row["kind"]) == ("no@example.com", "asked us", "account")
    assert row["deletable"] is True
    listed = program("GET", "/suppressions?email=NO@example.com").get_json()["items"]
    assert [item["id"] for item in listed] == [row["id"]]
    assert program("DELETE", f"/suppressions/{row['id']}").status_code == 204
    assert program("GET", "/suppressions").get_json()["items"] == []


def test_what_a_person_asked_for_stays(program: Program) -> None:
    contact = make_contact(program)
    with transaction():
        consent.withdraw(db.session.get_one(Contact, contact), source="link")
    row = db.session.scalars(sa.select(Suppression)).one()

    answer = program("DELETE", f"/suppressions/{row.id}")

    assert answer.status_code == 403
    (shown,) = program("GET", "/suppressions").get_json()["items"]
    assert (shown["reason"], shown["kind"]) == ("unsubscribed", "unsubscribed")


def test_a_stranger_cannot_lift_a_suppression(program: Program, strange_program: Program) -> None:
    row = program("POST", "/suppressions", {"email": "no@example.com"}).get_json()

    assert strange_program("DELETE", f"/suppressions/{row['id']}").status_code == 404


def test_null_means_empty_where_nothing_is_needed(program: Program) -> None:
    body = {"email": "vera@example.com", "first_name": None, "company": None}

    made = program("POST", "/contacts", body)

    assert made.status_code == 201
    assert made.get_json()["first_name"] == ""


def test_contacts_of_one_kind_with_the_reason(program: Program) -> None:
    for email in ("info@b.example", "anna@b.example"):
        make_contact(program, email)
    make_contact(program, "bo@b.example", kind="organisation")

    found = program("GET", "/contacts?kind=organisation").get_json()["items"]

    assert {(row["email"], row["kind_reason"]) for row in found} == {
        ("info@b.example", "role"), ("bo@b.example", "api"),
    }  # fmt: skip


def test_a_contact_is_found_by_what_it_is_called_elsewhere(program: Program) -> None:
    first = make_contact(program, external_id=" C-4711 ")
    make_contact(program, "bob@example.com", external_id="C-47110")
    shared = make_contact(program, "carol@example.com")
    program("PATCH", f"/contacts/{shared}", {"external_id": "C-4711"})

    def found(query: str) -> list[int]:
        return [row["id"] for row in program("GET", f"/contacts?{query}").get_json()["items"]]

    assert found("external_id=C-4711") == [shared, first]
    assert found("query=c-47110") == found("external_id=c-4711") == []
    assert found("query=C-4711") == [shared, first]
    assert program("GET", f"/contacts/{first}").get_json()["external_id"] == "C-4711"


def test_a_field_holds_data_of_any_shape(program: Program) -> None:
    data = {"sizes": ["L", 42, None, True], "name": "Zoë", "in": {"side": 1.5}}
    contact = make_contact(program, fields={"Order": data, "Word": "x"})

    def fields_of() -> object:
        return program("GET", f"/contacts/{contact}").get_json()["fields"]

    assert fields_of() == {"order": data, "word": "x"}
    changed = program("PATCH", f"/contacts/{contact}", {"fields": {"order": '["a"]'}})
    assert changed.get_json()["fields"]["order"] == ["a"]
    deep: object = 1
    for _ in range(11):
        deep = [deep]
    for name, bad in (
        ("order", "no data"), ("order", 5), ("order", "NaN"), ("order", deep),
        ("order", ["x" * 30_000]), ("order", {"card": "4111 1111 1111 1111"}), ("order", [1 << 70]),
        ("word", ["a"]), ("word", {"a": 1}),
    ):  # fmt: skip
        answer = program("PATCH", f"/contacts/{contact}", {"fields": {name: bad}})
        assert answer.status_code == 422, bad
    assert fields_of() == {"order": ["a"], "word": "x"}
