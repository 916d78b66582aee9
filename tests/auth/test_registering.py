from __future__ import annotations

import dataclasses
from statistics import median
from time import process_time

import pytest
import sqlalchemy as sa

from app.accounts.models import Account, Member, Membership, Notice
from app.core.db import db, transaction
from app.privacy.models import Acceptance, MemberConsent
from tests.auth.helpers import PASSWORD, kinds, link
from tests.conftest import Client, Person

FILLED = {
    "person": "Alice Baker",
    "email": "Alice@Bakery.example",
    "business": "Bakery",
    "address": "1 High Street, Town",
    "website": "https://bakery.example",
    "acts_for_business": "y",
    "accepts_policy": "y",
    "marketing_email": "y",
}


def test_the_form_asks_for_no_password(client: Client):
    page = client.get("/register")

    assert page.status_code == 200
    assert b'type="password"' not in page.data


def test_registering_opens_an_account_and_mails_a_link(client: Client):
    answer = client.post("/register", data=FILLED)

    assert (answer.status_code, answer.location) == (303, "/sent")
    account, member = db.session.scalar(sa.select(Account)), db.session.scalar(sa.select(Member))
    assert (account.name, account.state, account.vouched) == ("Bakery", "pending", False)
    assert (member.email, member.name) == ("alice@bakery.example", "Alice Baker")
    assert db.session.scalar(sa.select(Membership.role)) == "owner"
    assert kinds() == ["password_first"]


def test_boxes_are_stored_with_time_wording_and_version(client: Client):
    client.post("/register", data=FILLED)

    rows = {row.kind: row for row in db.session.scalars(sa.select(MemberConsent))}
    assert set(rows) == {"business", "marketing_email"}
    assert all(row.granted and row.at and row.wording_version == 1 for row in rows.values())
    assert "offers" in rows["marketing_email"].wording
    accepted = db.session.scalar(sa.select(Acceptance))
    assert (accepted.version.number, accepted.network) == (1, "127.0.0.0/24")
    assert "version 1" in accepted.wording


def test_marketing_is_a_choice_and_the_other_boxes_are_not(client: Client):
    without = {**FILLED, "marketing_email": ""}
    client.post("/register", data={k: v for k, v in without.items() if v})
    assert db.session.scalars(sa.select(MemberConsent.kind)).all() == ["business"]

    for box in ("acts_for_business", "accepts_policy"):
        answer = client.post("/register", data={k: v for k, v in FILLED.items() if k != box})
        assert answer.status_code == 422
        assert b"Tick the box" in answer.data


def test_the_link_opens_the_account_and_signs_in(client: Client):
    client.post("/register", data=FILLED)
    path = link("password_first")
    assert client.get(path).status_code == 200

    answer = client.post(path, data={"password": PASSWORD})

    assert (answer.status_code, answer.location) == (303, "/home")
    assert client.get("/settings/business").status_code == 200
    db.session.expire_all()
    assert db.session.scalar(sa.select(Account.state)) == "active"


def test_a_known_address_gets_the_same_answer_and_another_mail(client: Client, alice: Person):
    with transaction():
        alice.member.password_hash = "scrypt:32768:8:1$x$y"
    unknown = client.post("/register", data={**FILLED, "email": "new@bakery.example"})
    known = client.post("/register", data=FILLED)

    assert (known.status_code, known.location, known.data) == (
        unknown.status_code, unknown.location, unknown.data,
    )  # fmt: skip
    assert kinds() == ["password_first", "already_registered"]
    assert db.session.scalar(sa.select(sa.func.count(Account.id))) == 2


def test_registering_again_before_the_link_was_opened_keeps_one_account(client: Client):
    client.post("/register", data=FILLED)
    client.post("/register", data={**FILLED, "business": "Bakery and Sons"})

    assert db.session.scalars(sa.select(Account.name)).all() == ["Bakery and Sons"]
    assert kinds() == ["password_first", "password_first"]


def test_bad_input_keeps_what_was_typed(client: Client):
    answer = client.post("/register", data={**FILLED, "email": "alice@", "website": "bakery"})

    assert answer.status_code == 422
    assert b'value="Alice Baker"' in answer.data
    assert b"https://www.example.com" in answer.data
    assert db.session.scalar(sa.select(Account)) is None


def test_programs_that_fill_in_every_field_register_nothing(client: Client):
    answer = client.post("/register", data={**FILLED, "fax": "123"})

    assert answer.status_code == 303
    assert db.session.scalar(sa.select(Notice)) is None


def test_registration_can_be_closed(client: Client, monkeypatch: pytest.MonkeyPatch):
    config = client.application.config
    closed = dataclasses.replace(config["SETTINGS"], REGISTRATION=False)
    monkeypatch.setitem(config, "SETTINGS", closed)

    assert client.get("/register").status_code == 403
    assert client.post("/register", data=FILLED).status_code == 403
    assert db.session.scalar(sa.select(Account)) is None


def test_the_answer_takes_as_long_for_known_and_unknown_addresses(client: Client, alice: Person):
    with transaction():
        alice.member.password_hash = "scrypt:32768:8:1$x$y"

    def took(path: str, data: dict[str, str]) -> float:
        begun = process_time()
        client.post(path, data=data)
        return process_time() - begun

    known = [took("/password/forgot", {"email": "alice@bakery.example"}) for _ in range(21)]
    unknown = [took("/password/forgot", {"email": f"n{n}@x.example"}) for n in range(21)]
    assert abs(median(known) - median(unknown)) < 0.01
