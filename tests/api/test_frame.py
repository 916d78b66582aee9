from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts.models import ApiToken
from app.api import routes
from app.core.clock import now
from app.core.db import db, transaction
from app.extensions import limiter
from tests.api.conftest import Program
from tests.conftest import Client, Person


def test_no_token_is_401_and_says_how(client: Client) -> None:
    answer = client.get("/api/v1/lists")

    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "Authorization: Bearer" in answer.get_json()["detail"]


def test_a_session_cookie_does_not_count(client: Client, alice: Person) -> None:
    client.sign_in(alice)

    assert client.get("/api/v1/lists").status_code == 401


def test_an_unknown_and_a_revoked_token_look_the_same(program: Program) -> None:
    unknown = Program(program.client, "x" * 43)("GET", "/lists")
    with transaction():
        db.session.execute(sa.update(ApiToken).values(revoked_at=now()))

    revoked = program("GET", "/lists")

    assert (unknown.status_code, revoked.status_code) == (401, 401)
    assert unknown.get_json() == revoked.get_json()


def test_a_missing_scope_is_named(program_with: Callable[..., Program]) -> None:
    answer = program_with("campaigns:read")("GET", "/lists")

    assert answer.status_code == 403
    assert "contacts:read" in answer.get_json()["detail"]


def test_a_suspended_account_is_refused(program: Program, alice: Person) -> None:
    with transaction():
        alice.account.barred = "access"

    assert program("GET", "/lists").status_code == 403


def test_use_is_noted_at_most_each_minute(program: Program) -> None:
    program("GET", "/lists")
    first = db.session.scalars(sa.select(ApiToken.last_used_at)).one()
    program("GET", "/lists")

    assert first is not None
    assert db.session.scalars(sa.select(ApiToken.last_used_at)).one() == first


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("PUT", "/lists", 405), ("GET", "/contacts/1", 404)],
)
def test_errors_are_problem_documents(
    program: Program, method: str, path: str, status: int
) -> None:
    answer = program(method, path)

    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.get_json()["status"] == status
    assert answer.get_json()["detail"]
    assert "URL" not in answer.get_json()["detail"]


def test_a_wrong_method_says_which_are_right(program: Program) -> None:
    assert "GET" in program("PUT", "/lists").headers["Allow"]


def test_a_crash_is_a_problem_document(
    app: Flask, program: Program, caplog: pytest.LogCaptureFixture
) -> None:
    app.config["TESTING"] = app.testing = False
    with transaction():
        db.session.execute(sa.update(ApiToken).values(scopes=5))
    try:
        answer = program("GET", "/lists")
    finally:
        app.config["TESTING"] = app.testing = True

    assert answer.status_code == 500
    assert answer.content_type == "application/problem+json"
    assert "Traceback" not in answer.get_data(as_text=True)


def test_an_unknown_parameter_is_named(program: Program) -> None:
    answer = program("GET", "/lists?curser=x")

    assert answer.status_code == 422
    assert answer.get_json()["errors"] == {
        "curser": ["There is no such field here. Did you mean cursor?"]
    }


def test_a_made_up_cursor_is_refused(program: Program) -> None:
    for cursor in ("x", "bm9w", "WyJhIl0", "WzEsMl0"):
        assert program("GET", f"/lists?cursor={cursor}").status_code == 422


@pytest.fixture
def limited(app: Flask) -> Iterator[None]:
    limiter.enabled = True
    yield
    limiter.enabled = False


def test_calls_are_limited_per_token(
    limited: None, program: Program, strange_program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "rate", "2 per minute")

    answers = [program("GET", "/lists") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["Retry-After"] == "60"
    assert strange_program("GET", "/lists").status_code == 200


def test_no_cookie_is_set(program: Program) -> None:
    answer = program("POST", "/lists", {"name": "News"})

    assert answer.status_code == 201
    assert "Set-Cookie" not in answer.headers
