from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from app.accounts.models import Account, Notice
from app.auth import passwords
from app.core.db import db, transaction
from app.desk.models import Ticket
from tests.auth.helpers import PASSWORD
from tests.conftest import Client, Person


@pytest.fixture
def guarded(client: Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A browser whose forms need a token, as in real life."""
    monkeypatch.setitem(client.application.config, "WTF_CSRF_ENABLED", True)
    return client


def token_of(client: Client, path: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)
    assert found
    return found[1]


OPEN_FORMS = ("/register", "/sign-in", "/password/forgot", "/contact", "/password/x", "/join/x")


@pytest.mark.parametrize("path", OPEN_FORMS)
def test_forms_that_anybody_sees_need_a_token(guarded: Client, path: str):
    answer = guarded.post(path, data={"email": "alice@bakery.example", "password": "x"})

    assert answer.status_code == 400
    assert db.session.scalar(sa.select(Notice)) is None
    assert db.session.scalar(sa.select(Ticket)) is None


@pytest.mark.parametrize(
    "path",
    ["/sign-out", "/settings/business", "/settings/senders", "/settings/people/invite",
     "/settings/mail-server", "/settings/api-tokens", "/settings/profile",
     "/settings/sessions/end-others", "/settings/consents/marketing_email",
     "/privacy/versions/1/accept"],
)  # fmt: skip
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}, {"X-CSRFToken": "made up"}])
def test_changes_need_a_token(guarded: Client, alice: Person, path: str, headers: dict[str, str]):
    guarded.sign_in(alice)

    answer = guarded.post(path, data={"name": "Stolen", "address": "x"}, headers=headers)

    assert answer.status_code == 400
    assert db.session.scalar(sa.select(Account.name)) == "Bakery"


def test_with_its_token_a_form_works(guarded: Client, alice: Person):
    with transaction():
        alice.member.password_hash = passwords.hashed(PASSWORD)
    token = token_of(guarded, "/sign-in")

    answer = guarded.post(
        "/sign-in",
        data={"email": alice.member.email, "password": PASSWORD, "csrf_token": token},
    )

    assert answer.status_code == 303


def test_with_https_a_form_works_though_browsers_send_no_referrer(guarded: Client, alice: Person):
    """Our own policy says so, in each answer."""
    with transaction():
        alice.member.password_hash = passwords.hashed(PASSWORD)
    token = token_of(guarded, "/sign-in")
    form = {"email": alice.member.email, "password": PASSWORD}

    refused = guarded.post("/sign-in", data=form, base_url="https://localhost")
    taken = guarded.post(
        "/sign-in", data={**form, "csrf_token": token}, base_url="https://localhost"
    )

    assert (refused.status_code, taken.status_code) == (400, 303)


def test_a_token_from_before_signing_in_is_worth_nothing_after(guarded: Client, alice: Person):
    with transaction():
        alice.member.password_hash = passwords.hashed(PASSWORD)
    old = token_of(guarded, "/sign-in")
    data = {"email": alice.member.email, "password": PASSWORD, "csrf_token": old}
    guarded.post("/sign-in", data=data)

    answer = guarded.post("/settings/profile", data={"name": "x", "csrf_token": old})

    assert answer.status_code == 400
