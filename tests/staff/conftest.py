"""Sam works for the operator; what he may do depends on the test."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from app.accounts.models import Member
from app.core.db import db, transaction
from tests.conftest import Client, Person, make_person


@pytest.fixture
def sam(app: Flask) -> Person:
    """Answers letters."""
    person = make_person("sam@operator.example", "Sam Support", "Operator", "owner")
    with transaction():
        db.session.get_one(Member, person.member.id).staff_roles = ["support"]
    return person


@pytest.fixture
def staff(client: Client, sam: Person) -> Client:
    """Sam's browser."""
    client.sign_in(sam)
    return client


Look = Callable[..., None]


@pytest.fixture
def look(staff: Client, alice: Person) -> Look:
    """Sam begins to look into the bakery's account."""

    def begin(purpose: str = "support", reference: str = "Ticket 123", minutes: int = 30) -> None:
        form = {"purpose": purpose, "reference": reference, "minutes": str(minutes)}
        answer = staff.post(f"/staff/accounts/{alice.account.id}/look", data=form)
        assert answer.status_code == 303, answer.text

    return begin
