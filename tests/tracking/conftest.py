"""A sent campaign of Alice's bakery."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.tracking import hits, intake, links
from tests.conftest import Person
from tests.tracking.mails import Sent, send


@pytest.fixture(autouse=True)
def fresh_memory() -> Iterator[None]:
    """What a process remembers between requests belongs to one test."""
    intake.forget()
    links.forget()
    hits.forget()
    yield
    hits.flush()
    hits.forget()


@pytest.fixture
def sent(alice: Person, home: Path) -> Sent:
    """To three people, with four links."""
    for path in (home / "hits").glob("*"):
        path.unlink()
    return send(alice.account, people=3)
