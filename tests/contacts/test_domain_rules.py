"""Domains stay out, or only some come in, by whichever way somebody comes."""

from __future__ import annotations

import io

import pytest
import sqlalchemy as sa

from app.contacts import domain_rules, importing, writing
from app.contacts.domain_rules import Rules
from app.contacts.models import Contact, DomainRule, ImportProblem, SignUpForm, Suppression
from app.core.db import db, transaction
from app.core.errors import Invalid
from tests.api.conftest import Program, program
from tests.conftest import Client, Person
from tests.contacts.signup.conftest import Visitor, form, letters, visitor

__all__ = ["form", "letters", "program", "visitor"]


@pytest.mark.parametrize(
    ("out", "only", "stays_out", "comes_in"),
    [
        ("bad.example", "", "bad.example", "good.example mail.bad.example xbad.example"),
        ("*.bad.example", "", "mail.bad.example a.b.bad.example", "bad.example"),
        ("*.ru", "", "mail.ru a.mail.ru", "ru.example"),
        ("", "a.example *.a.example", "gmail.com a.example.com", "a.example x.a.example"),
        ("x.firm.example", "*.firm.example", "x.firm.example", "y.firm.example"),
        ("", "", "", "any.example"),
    ],
)  # fmt: skip
def test_which_domains_stay_out(out: str, only: str, stays_out: str, comes_in: str) -> None:
    rules = Rules(frozenset(out.split()), frozenset(only.split()))

    assert [one for one in stays_out.split() if not rules.refuses(one)] == []
    assert [one for one in comes_in.split() if rules.refuses(one)] == []


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Example.COM", "example.com"), ("@example.com.", "example.com"), ("*.ru", "*.ru"),
        ("bäcker.example", "xn--bcker-gra.example"), (" *.Example.com ", "*.example.com"),
        ("com", ""), ("", ""), ("a@b.example", ""), ("*", ""), ("*.*", ""), ("-x.example", ""),
        ("a..b", ""), ("exa mple.com", ""), ("x" * 300 + ".com", ""),
    ],
)  # fmt: skip
def test_domains_as_people_write_them(typed: str, kept: str) -> None:
    if kept:
        assert domain_rules.read(typed) == kept
        return
    with pytest.raises(Invalid):
        domain_rules.read(typed)


def keep_out(person: Person, *domains: str, lets_in: bool = False) -> None:
    with transaction():
        for domain in domains:
            domain_rules.add(person.account.id, domain, lets_in=lets_in)


def addresses() -> list[str]:
    return sorted(db.session.scalars(sa.select(Contact.address)))


def test_by_hand_and_who_is_here_stays(alice: Person, charlie: Person) -> None:
    with transaction():
        ann = writing.create(alice.account, "ann@bad.example")
    keep_out(alice, "bad.example")

    with transaction():
        writing.update(ann, email="ann@bad.example", first_name="Ann")
        writing.create(charlie.account, "ben@bad.example")
    for change in (
        lambda: writing.create(alice.account, "ben@bad.example"),
        lambda: writing.update(ann, email="ann2@bad.example"),
    ):
        with pytest.raises(Invalid, match="kept out by your list"), transaction():
            change()


def test_by_a_file(alice: Person) -> None:
    keep_out(alice, "good.example", lets_in=True)
    rows = "email\nann@good.example\nben@bad.example\n"

    import_ = importing.stage(alice.account, io.BytesIO(rows.encode()), "a.csv", basis="Counter")
    importing.run(import_.id)

    assert (import_.created, import_.rejected) == (1, 1)
    assert db.session.scalars(sa.select(ImportProblem.reason)).one() == (
        "Only some domains are let in, and bad.example is not among them."
    )


def test_a_no_counts_whatever_the_domain(alice: Person) -> None:
    with transaction():
        for name in ("ann", "ben", "cem"):
            writing.create(alice.account, f"{name}@bad.example")
    keep_out(alice, "bad.example")
    rows = (
        "email,Post allowed,status\nann@bad.example,,unsubscribed\nben@bad.example,,subscribed\n"
        "cem@bad.example,perhaps,unsubscribed\n"
    )

    import_ = importing.stage(
        alice.account, io.BytesIO(rows.encode()), "a.csv", basis="Counter",
        columns={"Post allowed": "post_allowed"},
    )  # fmt: skip
    importing.run(import_.id)

    assert (import_.suppressed, import_.rejected) == (2, 1)
    out = sorted(db.session.scalars(sa.select(Suppression.address)))
    assert out == ["ann@bad.example", "cem@bad.example"]
    assert db.session.scalars(sa.select(ImportProblem.reason)).one() == (
        "People of bad.example are kept out by your list of domains."
    )


def test_by_a_form(visitor: Visitor, alice: Person, form: SignUpForm) -> None:
    keep_out(alice, "bad.example")

    refused = visitor.send(email="ann@bad.example")

    assert refused.status_code == 422
    assert "Addresses of this domain are not taken here." in refused.text
    assert visitor.send(email="ann@good.example").status_code == 200
    assert addresses() == ["ann@good.example"]


def test_by_a_program(program: Program, alice: Person) -> None:
    keep_out(alice, "bad.example")

    answer = program("POST", "/contacts", {"email": "ann@bad.example"})

    assert answer.status_code == 422
    assert "kept out" in answer.get_json()["errors"]["email"][0]


def test_the_page(client: Client, alice: Person) -> None:
    client.sign_in(alice)
    page = "/suppressions"
    assert (
        client.post(f"{page}/domains", data={"domain": "nothing", "lets_in": "out"}).status_code
        == 422
    )

    client.post(f"{page}/domains", data={"domain": "@Bad.example", "lets_in": "out"})

    assert "bad.example" in client.get(page).text
    client.post(f"{page}/domains", data={"domain": "bad.example", "lets_in": "in"})
    db.session.expire_all()
    assert db.session.scalars(sa.select(DomainRule.lets_in)).all() == [True]
    client.post(f"{page}/domains/forget", data={"domain": "bad.example"})
    assert client.get(page).text.count("bad.example") == 2  # only the two notices of just now
    assert "bad.example" not in client.get(page).text
    assert client.post(f"{page}/domains/forget", data={"domain": "bad.example"}).status_code == 404
