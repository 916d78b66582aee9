from __future__ import annotations

import threading
from datetime import timedelta

import sqlalchemy as sa
from flask import Flask

from app.accounts.models import IdempotencyKey
from app.contacts.models import ContactList
from app.core.clock import now
from app.core.db import db, transaction
from app.trust import forgetting
from tests.api.conftest import Program

KEY = {"Idempotency-Key": "k1"}


def lists() -> int:
    return db.session.scalar(sa.select(sa.func.count(ContactList.id))) or 0


def test_a_repeat_acts_once_and_is_answered_alike(program: Program) -> None:
    first = program("POST", "/lists", {"name": "News"}, headers=KEY)
    second = program("POST", "/lists", {"name": "News"}, headers=KEY)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.get_data() == second.get_data()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert lists() == 1


def test_another_request_under_the_same_key_is_refused(program: Program) -> None:
    program("POST", "/lists", {"name": "News"}, headers=KEY)

    assert program("POST", "/lists", {"name": "Olds"}, headers=KEY).status_code == 422
    assert program("POST", "/contacts", {"email": "a@b.example"}, headers=KEY).status_code == 422
    assert lists() == 1


def test_keys_of_two_accounts_do_not_meet(program: Program, strange_program: Program) -> None:
    program("POST", "/lists", {"name": "News"}, headers=KEY)

    assert strange_program("POST", "/lists", {"name": "Other"}, headers=KEY).status_code == 201


def test_a_request_that_still_runs_is_409(program: Program) -> None:
    program("POST", "/lists", {"name": "News"}, headers=KEY)
    with transaction():
        db.session.execute(sa.update(IdempotencyKey).values(status=None))

    assert program("POST", "/lists", {"name": "News"}, headers=KEY).status_code == 409


def test_a_request_that_died_gives_its_key_back(program: Program) -> None:
    program("POST", "/lists", {"name": "News"}, headers=KEY)
    long_ago = now() - timedelta(hours=1)
    with transaction():
        db.session.execute(sa.update(IdempotencyKey).values(status=None, created_at=long_ago))
        db.session.execute(sa.delete(ContactList))

    assert program("POST", "/lists", {"name": "News"}, headers=KEY).status_code == 201


def test_failed_validation_keeps_nothing(program: Program) -> None:
    assert program("POST", "/lists", {"name": ""}, headers=KEY).status_code == 422
    assert program("POST", "/lists", {"name": "News"}).status_code == 201
    assert program("POST", "/lists", {"name": "News"}, headers=KEY).status_code == 422

    assert program("POST", "/lists", {"name": "Good"}, headers=KEY).status_code == 201


def test_a_refusal_is_answered_again(program: Program) -> None:
    body = {"email": "vera@example.com"}
    program("POST", "/contacts", body)
    first = program("POST", "/contacts", body, headers=KEY)
    contact = first.get_json()["contact"]
    program("DELETE", f"/contacts/{contact}")

    second = program("POST", "/contacts", body, headers=KEY)

    assert (first.status_code, second.status_code) == (409, 409)
    assert first.get_json()["detail"] == second.get_json()["detail"]


def test_many_at_once_act_once(app: Flask, program: Program) -> None:
    """The button, the impatient retry and the proxy that repeats, all in the same moment."""
    answers: list[int] = []

    def press() -> None:
        with app.app_context():
            mine = Program(app.test_client(), program.secret)
            answers.append(mine("POST", "/lists", {"name": "News"}, headers=KEY).status_code)

    threads = [threading.Thread(target=press) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(answers) <= {201, 409}
    assert 201 in answers
    assert lists() == 1


def test_old_answers_are_forgotten(program: Program) -> None:
    program("POST", "/lists", {"name": "News"}, headers=KEY)
    assert forgetting.keep("api_answers") == 0
    with transaction():
        long_ago = now() - timedelta(days=3)
        db.session.execute(sa.update(IdempotencyKey).values(created_at=long_ago))

    assert forgetting.keep("api_answers") == 1
