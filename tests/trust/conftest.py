"""The operator's Olga, and a ladder that holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from flask import Flask

from app.config import Config
from app.core import settings as process_settings
from app.core.db import transaction
from tests.conftest import Client, Person, make_person
from tests.delivery.conftest import campaign_to, server, to_server

__all__ = ["campaign_to", "server", "to_server"]


@pytest.fixture
def olga(app: Flask) -> Person:
    """Works for the operator, at the abuse desk and for the service."""
    person = make_person("olga@operator.example", "Olga Operator", "Operator", "owner")
    with transaction():
        person.member.staff_roles = ["abuse", "service"]
    return person


@pytest.fixture
def ladder_on(settings: Config, app: Flask) -> Iterator[None]:
    """As installations have it."""
    process_settings.configure(dataclasses.replace(settings, SENDING_LADDER=True))
    yield
    process_settings.configure(settings)


def look_into(client: Client, person: Person) -> str:
    """Staff begin a look for abuse and open its panel; returns where that is."""
    at = f"/staff/accounts/{person.account.id}"
    form = {"purpose": "abuse", "reference": "Report A-7", "minutes": "30"}
    assert client.post(f"{at}/look", data=form).status_code == 303
    assert client.post(f"{at}/panels/abuse").status_code == 303
    return f"{at}/panels/abuse"
