from __future__ import annotations

import pytest
import sqlalchemy as sa

from app.accounts.models import Notice
from app.core.db import db
from app.extensions import limiter
from app.site.models import Enquiry
from tests.conftest import Client, Person

ASKED = {"name": "Vera", "email": "vera@shop.example", "text": "Who sees\nmy data?"}


def test_a_question_is_stored_and_mailed_to_the_operator(client: Client):
    answer = client.post("/contact", data={**ASKED, "version": "1"})

    assert answer.status_code == 303
    enquiry, notice = db.session.scalar(sa.select(Enquiry)), db.session.scalar(sa.select(Notice))
    assert (enquiry.name, enquiry.policy_version, enquiry.account_id) == ("Vera", 1, None)
    assert notice.to_email == "info@mail.test"
    assert notice.headers["Reply-To"] == "Vera <vera@shop.example>"
    assert "Who sees\nmy data?" in notice.text
    assert "privacy policy 1" in notice.subject


def test_a_customers_question_names_the_account(client: Client, alice: Person):
    client.sign_in(alice)

    client.post("/contact", data=ASKED)

    assert db.session.scalar(sa.select(Enquiry.account_id)) == alice.account.id
    assert "Bakery" in db.session.scalar(sa.select(Notice.text))


def test_the_form_is_tied_to_the_version_it_was_opened_from(client: Client):
    page = client.get("/contact?version=1").text

    assert 'value="1"' in page
    assert "version 1 of the privacy policy" in page


def test_programs_that_fill_in_every_field_ask_nothing(client: Client):
    assert client.post("/contact", data={**ASKED, "fax": "1"}).status_code == 303
    assert db.session.scalar(sa.select(Enquiry)) is None


@pytest.mark.parametrize("gap", ["name", "email", "text"])
def test_an_incomplete_question_keeps_what_was_typed(client: Client, gap: str):
    answer = client.post("/contact", data={**ASKED, gap: ""})

    assert answer.status_code == 422
    assert db.session.scalar(sa.select(Enquiry)) is None


def test_a_bad_address_is_explained(client: Client):
    answer = client.post("/contact", data={**ASKED, "email": "vera@"})

    assert answer.status_code == 422
    assert "nothing behind the @" in answer.text


def test_names_cannot_add_headers(client: Client):
    client.post("/contact", data={**ASKED, "name": "Vera\r\nBcc: all@x.example"})

    headers = db.session.scalar(sa.select(Notice.headers))
    assert "\n" not in headers["Reply-To"]
    assert "\n" not in db.session.scalar(sa.select(Notice.subject))


def test_questions_are_limited(client: Client):
    limiter.enabled = True
    limiter.reset()
    try:
        answers = [client.post("/contact", data=ASKED).status_code for _ in range(6)]
    finally:
        limiter.reset()
        limiter.enabled = False

    assert answers == [303] * 5 + [429]
