"""Programs that call the API: Alice's, with every scope unless a test says less."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.accounts.api_tokens import ALL_SCOPES
from app.accounts.models import Account, ApiToken
from app.core import tokens
from app.core.db import db, transaction
from tests.conftest import Person


class Program:
    """Calls /api/v1 with a token."""

    def __init__(self, client: FlaskClient, secret: str) -> None:
        self.client = client
        self.secret = secret

    def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.secret}", **options.pop("headers", {})}
        if body is not None:
            options["json"] = body
        return self.client.open(f"/api/v1{path}", method=method, headers=headers, **options)


def make_token(account: Account, *scopes: str) -> str:
    """A token's secret; all scopes where none is named."""
    secret = tokens.secret()
    with transaction():
        db.session.add(
            ApiToken(
                account_id=account.id,
                token_hash=tokens.hashed(secret),
                hint=secret[-4:],
                scopes=list(scopes or ALL_SCOPES),
            )
        )
    return secret


@pytest.fixture
def program(app: Flask, alice: Person) -> Program:
    """Acts for the bakery."""
    return Program(app.test_client(), make_token(alice.account))


@pytest.fixture
def strange_program(app: Flask, charlie: Person) -> Program:
    """Acts for the garage."""
    return Program(app.test_client(), make_token(charlie.account))


@pytest.fixture
def program_with(app: Flask, alice: Person) -> Callable[..., Program]:
    """Acts for the bakery with these scopes only."""
    return lambda *scopes: Program(app.test_client(), make_token(alice.account, *scopes))
