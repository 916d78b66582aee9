from __future__ import annotations

import pytest
import sqlalchemy as sa

from app.accounts.models import Notice
from app.core.db import db
from app.desk.models import Ticket, TicketMessage
from app.extensions import limiter
from tests.conftest import Client, Person

ASKED = {"name": "Vera", "email": "vera@shop.example", "text": "Who sees\nmy data?"}


def test_a_question_is_stored_and_mailed_to_the_operator(client: Client):
    client.get("/privacy")  # publishes the first version
    answer = client.post("/contact", data={**ASKED, "version": "1"})

    assert answer.status_code == 303
    ticket = db.session.scalar(sa.select(Ticket))
    assert (ticket.name, ticket.policy_version, ticket.account_id) == ("Vera", 1, None)
    assert db.session.scalar(sa.select(TicketMessage.text)) == "Who sees\nmy data?"
    told = db.session.scalar(sa.select(Notice).where(Notice.kind == "ticket_new"))
    assert told.to_email == "info@mail.test"
    assert "Who sees\nmy data?" in told.text
    assert "privacy policy 1" in told.subject


def test_the_asker_is_shown_and_mailed_the_reference(client: Client):
    answer = client.post("/contact", data=ASKED, follow_redirects=True)

    reference = db.session.scalar(sa.select(Ticket.reference))
    mail = db.session.scalar(sa.select(Notice).where(Notice.kind == "ticket_received"))
    assert f"#{reference}" in answer.text
    assert (mail.to_email, mail.subject) == (
        "vera@shop.example", f"[#{reference}] We have your letter",
    )  # fmt: skip
    # Who enters somebody else's address cannot have us carry words to them.
    assert "my data" not in mail.text
    assert mail.headers["Auto-Submitted"] == "auto-replied"


def test_the_address_is_shown_but_not_for_programs_that_gather_addresses(client: Client):
    for path in ("/contact", "/about"):
        page = client.get(path).text
        assert "info (at) mail.test" in page
        assert "info@mail.test" not in page


def test_a_customers_question_names_the_account(client: Client, alice: Person):
    client.sign_in(alice)

    client.post("/contact", data=ASKED)

    ticket = db.session.scalar(sa.select(Ticket))
    assert (ticket.account_id, ticket.member_id) == (alice.account.id, alice.member.id)
    told = sa.select(Notice.text).where(Notice.kind == "ticket_new")
    assert "Bakery" in db.session.scalar(told)


def test_the_form_is_tied_to_the_version_it_was_opened_from(client: Client):
    client.get("/privacy")
    page = client.get("/contact?version=1").text

    assert 'value="1"' in page
    assert "version 1 of the privacy policy" in page


def test_programs_that_fill_in_every_field_ask_nothing(client: Client):
    assert client.post("/contact", data={**ASKED, "fax": "1"}).status_code == 303
    assert db.session.scalar(sa.select(Ticket)) is None


@pytest.mark.parametrize("gap", ["name", "email", "text"])
def test_an_incomplete_question_keeps_what_was_typed(client: Client, gap: str):
    answer = client.post("/contact", data={**ASKED, gap: ""})

    assert answer.status_code == 422
    assert db.session.scalar(sa.select(Ticket)) is None


def test_a_bad_address_is_explained(client: Client):
    answer = client.post("/contact", data={**ASKED, "email": "vera@"})

    assert answer.status_code == 422
    assert "nothing behind the @" in answer.text


def test_names_cannot_add_headers(client: Client):
    given = {**ASKED, "name": "Vera\r\nBcc: all@x.example", "subject": "Hi\r\nBcc: b@x.example"}
    client.post("/contact", data=given)

    for notice in db.session.scalars(sa.select(Notice)):
        assert "\n" not in notice.subject
        assert not any("\n" in value for value in notice.headers.values())


def test_questions_are_limited(client: Client):
    limiter.enabled = True
    limiter.reset()
    try:
        wrong = [client.post("/contact", data={**ASKED, "text": ""}).status_code for _ in range(6)]
        answers = [client.post("/contact", data=ASKED) for _ in range(6)]
        others = [client.post("/privacy/follow", data={"email": "v@x.example"}) for _ in range(6)]
    finally:
        limiter.reset()
        limiter.enabled = False

    # Who only mistyped is not kept out, and what was written is still there.
    assert wrong == [422] * 6
    assert [answer.status_code for answer in answers] == [303] * 5 + [429]
    assert "Wait a minute" in answers[-1].text
    assert ASKED["text"] in answers[-1].text
    assert (others[-1].status_code, "Wait a minute, then go on." in others[-1].text) == (429, True)


def test_pressing_twice_asks_once(client: Client):
    first, again = (client.post("/contact", data=ASKED).location for _ in range(2))
    other = client.post("/contact", data={**ASKED, "text": "And something else."}).location

    assert first == again != other
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Ticket)) == 2


def test_a_version_that_there_never_was_is_left_out(client: Client):
    assert "version 99" not in client.get("/contact?version=99").text
    client.post("/contact", data={**ASKED, "version": "99"})

    assert db.session.scalars(sa.select(Ticket)).one().policy_version is None
