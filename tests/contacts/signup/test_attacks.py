"""Programs that sign strangers up: each measure against the attack it is for."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Notice
from app.contacts import asking, consent, lists, writing
from app.contacts.models import ConfirmationMail, Consent, Contact, ContactList, SignUpForm
from app.contacts.signup import gate
from app.core.db import db, transaction
from app.extensions import limiter
from tests.api.conftest import Program, make_token
from tests.conftest import Client, Person
from tests.contacts.signup.conftest import (
    Visitor,
    form_on,
    hidden,
    link_in,
    mails,
    solution,
    solved,
    without_dot,
    work_of,
)

ONE_MORE = "One more press"


@pytest.fixture
def limits(app: object) -> Iterator[None]:
    limiter.enabled = True
    limiter.reset()
    yield
    limiter.reset()
    limiter.enabled = False


def people() -> int:
    db.session.rollback()
    return db.session.scalar(sa.select(sa.func.count(Contact.id))) or 0


def test_a_program_that_fills_in_everything_is_thanked_and_ignored(
    visitor: Visitor, form: SignUpForm
) -> None:
    honest = visitor.send(email="vera@example.com")
    caught = visitor.send(email="victim@example.com", **{gate.TRAP: "http://spam.example"})

    assert without_dot(caught) == without_dot(honest)
    assert (people(), len(mails())) == (1, 1)


@pytest.mark.parametrize("wait", [0, 1, gate.OLDEST_S + 60])
def test_too_fast_and_too_old_is_asked_once_more(
    visitor: Visitor, form: SignUpForm, wait: int
) -> None:
    answer = visitor.send(email="victim@example.com", wait=wait)

    assert ONE_MORE in answer.text
    assert people() == 0


@pytest.mark.parametrize(
    "forge",
    [
        lambda given: given | {"stamp": ""},
        lambda given: given | {"stamp": given["stamp"][:-3] + "AAA"},
        lambda given: given | {"altcha": ""},
        lambda given: given | {"altcha": "e30="},
        lambda given: given | {"altcha": "not base64"},
        lambda given: given | {"altcha": _told(given, number=-1)},
        lambda given: given | {"altcha": _told(given, number=7)},
        lambda given: given | {"altcha": _told(given, signature="0" * 64)},
        lambda given: given | {"altcha": _told(given, salt="0" * 16 + "?form=1&expires=9&")},
        lambda given: given | {"altcha": _own_work(given)},
        lambda given: given | {"altcha": _spliced(given)},
    ],
)
def test_stamps_and_work_cannot_be_forged(
    visitor: Visitor, client: Client, form: SignUpForm, forge
) -> None:
    page = client.get("/f/bakery-news").text
    given = hidden(page) | {"altcha": solution(page)}
    visitor.wait(10)

    answer = visitor.post(**forge(given), email="victim@example.com")

    assert ONE_MORE in answer.text
    assert people() == 0


def _read(given: dict[str, str]) -> dict[str, object]:
    found: dict[str, object] = json.loads(base64.b64decode(given["altcha"]))
    return found


def _told(given: dict[str, str], **changes: object) -> str:
    return base64.b64encode(json.dumps(_read(given) | changes).encode()).decode()


def _own_work(given: dict[str, str]) -> str:
    """A challenge of one's own making, solved, but not signed by us."""
    salt = _read(given)["salt"]
    return _told(given, number=1, challenge=hashlib.sha256(f"{salt}1".encode()).hexdigest())


def _spliced(given: dict[str, str]) -> str:
    """A digit of the number moved over into the salt."""
    told = _read(given)
    number = str(told["number"])
    return _told(given, salt=f"{told['salt']}{number[0]}", number=int(number[1:] or 0))


def test_one_piece_of_work_signs_up_one_person(
    visitor: Visitor, client: Client, form: SignUpForm
) -> None:
    page = client.get("/f/bakery-news").text
    given = hidden(page) | {"altcha": solution(page)}
    visitor.wait(10)

    answers = [visitor.post(**given, email=f"victim{i}@example.com").text for i in range(20)]

    assert [ONE_MORE in text for text in answers] == [False] + [True] * 19
    assert people() == 1


def test_work_for_one_form_is_worth_nothing_at_another(
    visitor: Visitor, client: Client, form: SignUpForm, charlie: Person
) -> None:
    with transaction():
        other = lists.create(charlie.account, "Garage")
    page = client.get("/f/bakery-news").text
    given = hidden(page) | {"altcha": solution(page)}
    with transaction():
        db.session.merge(form).slug = "moved"
    form_on(charlie, other)
    visitor.wait(10)

    assert ONE_MORE in visitor.post(**given, email="victim@example.com").text


def test_without_scripts_a_second_page_takes_time(visitor: Visitor, form: SignUpForm) -> None:
    page = visitor.send(email="vera@example.com", first_name="Vera", proves=False).text
    assert ONE_MORE in page

    hasty = visitor.post(**hidden(page)).text
    assert "That was too quick" in hasty
    assert people() == 0
    visitor.wait(gate.WAIT_S)
    done = visitor.post(**hidden(hasty)).text

    assert "Look into your mail" in done
    found = db.session.scalars(sa.select(Contact)).one()
    assert (found.email, found.first_name) == ("vera@example.com", "Vera")
    assert ONE_MORE in visitor.post(**hidden(hasty), address="198.51.100.1").text


def test_a_form_on_somebodys_own_page_needs_one_press_more(
    visitor: Visitor, form: SignUpForm, letters: ContactList
) -> None:
    elsewhere = {"Referer": "https://shop.example/about?visitor=7"}
    page = visitor.post(email="vera@example.com", headers=elsewhere).text
    assert ONE_MORE in page

    given = hidden(page) | {"altcha": solved(work_of(page))}
    assert "Look into your mail" in visitor.post(**given).text
    asked = db.session.scalars(sa.select(Consent)).one()
    assert asked.evidence["page"] == "shop.example/about"


def test_a_thousand_posts_of_one_victim_are_one_mail(
    visitor: Visitor, client: Client, alice: Person, form: SignUpForm
) -> None:
    with transaction():
        more = [lists.create(alice.account, f"List {i}", opt_in="double") for i in range(100)]
    for _ in range(5):
        visitor.send(email="victim@example.com")
    for list_ in more:
        with transaction():
            victim = db.session.scalars(sa.select(Contact)).one()
            for _ in range(2):
                consent.subscribe(victim, list_, source="api")

    assert len(mails()) == 1


def test_all_accounts_together_write_three_an_hour(alice: Person, app: object) -> None:
    from tests.conftest import make_person

    for i in range(10):
        person = make_person(f"owner{i}@shop.example", "Owner", f"Shop {i}", "owner")
        with transaction():
            list_ = lists.create(person.account, "L", opt_in="double")
            consent.subscribe(
                writing.create(person.account, "victim@example.com"), list_, source="api"
            )

    assert len(mails()) == asking.PER_ADDRESS


def test_one_network_without_proof_soon_comes_to_an_end(
    visitor: Visitor, form: SignUpForm, limits: None
) -> None:
    answers = []
    for i in range(25):
        page = visitor.post(email=f"victim{i}@example.com").text
        visitor.wait(gate.WAIT_S)
        answers.append(visitor.post(**hidden(page), address=f"203.0.113.{i}").status_code)

    assert answers == [200] * 20 + [429] * 5
    assert people() == 20


def test_one_network_with_proof_comes_to_an_end_too(
    visitor: Visitor, form: SignUpForm, limits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "MOST", 10)
    answers = [visitor.send(email=f"v{i}@example.com").status_code for i in range(125)]

    assert answers == [200] * 120 + [429] * 5
    assert visitor.send(email="bob@example.com", address="198.51.100.9").status_code == 200


def test_many_networks_with_one_address_do_nothing_more(
    visitor: Visitor, form: SignUpForm, limits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "MOST", 10)
    answers = {
        without_dot(visitor.send(email="victim@example.com", address=f"10.0.{i}.1"))
        for i in range(12)
    }

    assert len(answers) == 1
    assert len(mails()) == 1


def test_many_networks_into_one_form_come_to_an_end(
    visitor: Visitor, form: SignUpForm, limits: None
) -> None:
    last = 200
    for i in range(310):
        page = visitor.post(email=f"v{i}@example.com").text
        visitor.wait(gate.WAIT_S)
        last = visitor.post(**hidden(page), address=f"10.{i // 250}.{i % 250}.1").status_code

    assert last == 429
    assert people() == 300


def test_an_account_asks_so_many_people_a_day(
    visitor: Visitor, alice: Person, form: SignUpForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "PER_ACCOUNT", 3)
    answers = [visitor.send(email=f"v{i}@example.com") for i in range(5)]

    assert [one.status_code for one in answers] == [200, 200, 200, 429, 429]
    assert people() == 3
    assert "Nothing was kept" in answers[-1].text


def test_a_program_with_a_token_is_limited_as_well(
    client: Client, alice: Person, letters: ContactList, limits: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(asking, "PER_ACCOUNT", 4)
    program = Program(client, make_token(alice.account))
    answers = [
        program("POST", "/contacts", {"email": f"v{i}@example.com", "lists": [letters.id]})
        for i in range(6)
    ]

    assert [one.status_code for one in answers] == [201] * 4 + [429] * 2
    assert "2,000" in answers[-1].json["detail"] or "people a day" in answers[-1].json["detail"]
    assert people() == 4
    assert len(mails()) == 4


def test_large_and_broken_posts_are_refused(visitor: Visitor, form: SignUpForm) -> None:
    assert visitor.post(email="x" * 2_000_000).status_code == 413
    assert visitor.post(**{f"f{i}": "" for i in range(2000)}).status_code in (200, 413, 422)
    for email in ("", "a@b", "a@b.example\r\nBcc: c@d.example", "‮@example.com", "a" * 400):
        assert visitor.send(email=email).status_code == 422
    assert people() == 0


def test_the_address_is_nowhere_in_clear_where_mails_are_counted(
    visitor: Visitor, form: SignUpForm
) -> None:
    visitor.send(email="vera@example.com")

    row = db.session.scalars(sa.select(ConfirmationMail)).one()
    assert "vera" not in row.address_hash
    notice = db.session.scalars(sa.select(Notice)).one()
    assert "vera" not in link_in(notice)


def test_eight_at_once_with_one_address_are_one_person_and_one_mail(
    app: Flask, visitor: Visitor, client: Client, form: SignUpForm
) -> None:
    pages = [client.get("/f/bakery-news").text for _ in range(8)]
    given = [{**hidden(page), "altcha": solution(page)} for page in pages]
    visitor.wait(10)
    db.session.rollback()

    def send(fields: dict[str, str]) -> int:
        data = fields | {"email": "victim@example.com"}
        with app.app_context():
            return app.test_client().post("/f/bakery-news", data=data).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, given))

    assert answers == [200] * 8
    assert (people(), len(mails())) == (1, 1)
