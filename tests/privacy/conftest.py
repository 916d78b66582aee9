"""Staff who look after the policy and its registers, and what they do there."""

from __future__ import annotations

from datetime import datetime

import pytest
from flask import Flask

from app.core.db import transaction
from app.core.templating import count
from app.privacy import inventory, publishing
from app.privacy.models import PolicyVersion
from tests.conftest import Client, Person, add_member

OWN = {
    "title": "Paper files", "what": "Contracts on paper.", "why": "The law asks for them.",
    "ground": "Commercial code.", "keeps": "Ten years.", "place": "In a locked cupboard.",
}  # fmt: skip


@pytest.fixture
def sam(app: Flask, alice: Person) -> Person:
    """Looks after the service."""
    return staff_member(alice, "sam@operator.example", "Sam Service", "service")


@pytest.fixture
def sue(app: Flask, alice: Person) -> Person:
    """Does so too."""
    return staff_member(alice, "sue@operator.example", "Sue Service", "service")


@pytest.fixture
def service(client: Client, sam: Person) -> Client:
    """Sam's browser."""
    client.sign_in(sam)
    return client


def staff_member(person: Person, email: str, name: str, *purposes: str) -> Person:
    """One of the operator's people, who may look into that person's account as well."""
    made = add_member(person.account, email, name, "viewer")
    with transaction():
        made.member.staff_roles = list(purposes)
    return made


def published(
    by: Person, *, title: str = "Paper files", summary: str = "We keep paper too.",
    effective_at: datetime | None = None, matters: bool = False,
) -> PolicyVersion:  # fmt: skip
    """One more entry of the inventory, and with it a version."""
    publishing.current()
    with transaction():
        inventory.write(None, {**OWN, "title": title})
        seen = publishing.fingerprint(publishing.drafted())
        return publishing.publish_draft(
            by.member, seen=seen, summary=summary, effective_at=effective_at, matters=matters
        )


def passages(n: int) -> str:
    """As pages say it."""
    return count(n, "passage")
