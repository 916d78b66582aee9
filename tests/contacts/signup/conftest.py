"""A form of the bakery, and visitors with and without JavaScript."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from app.accounts.models import Notice
from app.contacts import lists
from app.contacts.models import ContactList, SignUpForm
from app.contacts.signup import building, gate
from app.contacts.signup.design import Choice, Design, Question
from app.core.clock import now
from app.core.db import db, transaction
from tests.conftest import Client, Person

CONSENT = "I want the bakery's news."


@pytest.fixture
def letters(alice: Person) -> ContactList:
    with transaction():
        return lists.create(alice.account, "Letters", opt_in="double")


@pytest.fixture
def news(alice: Person) -> ContactList:
    with transaction():
        return lists.create(alice.account, "News")


def form_on(person: Person, *on: ContactList, **design: Any) -> SignUpForm:
    """An open form that puts people on these lists."""
    with transaction():
        form = building.create(person.account, "Website", on[0])
        values: dict[str, Any] = {
            "language": "en",
            "consent": CONSENT,
            "questions": (Question("first_name", "First name"),),
            "lists": tuple(Choice(one.id, one.name, one.opt_in) for one in on),
        }
        changed = Design(**{**values, **design})
        building.change(form, name="Website", slug="bakery-news", tells="", design=changed)
        building.set_open(form, is_open=True)
    return form


@pytest.fixture
def form(alice: Person, letters: ContactList) -> SignUpForm:
    return form_on(alice, letters)


class Visitor:
    """Somebody in front of a form. For stamps, time goes by only when `wait` says so: how long
    this machine takes to find a proof must not decide what is too fast."""

    def __init__(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        self.client = client
        self.at = now()
        monkeypatch.setattr(gate, "now", lambda: self.at)

    def wait(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def send(
        self, path: str = "/f/bakery-news", *, proves: bool = True, wait: float = 5,
        address: str = "203.0.113.7", headers: dict[str, str] | None = None, **fields: Any,
    ) -> TestResponse:  # fmt: skip
        """Look at a form, wait, and send it in as a browser would."""
        shown = self.client.get(path, headers=headers)
        given = hidden(shown.text)
        if proves:
            given["altcha"] = solution(shown.text)
        self.wait(wait)
        return self.post(path, address=address, headers=headers, **{**given, **fields})

    def post(
        self, path: str = "/f/bakery-news", *, address: str = "203.0.113.7",
        headers: dict[str, str] | None = None, **fields: Any,
    ) -> TestResponse:  # fmt: skip
        """What a program may send: whatever it likes."""
        return self.client.post(
            path, data=fields, headers=headers, environ_overrides={"REMOTE_ADDR": address}
        )


@pytest.fixture
def visitor(client: Client, monkeypatch: pytest.MonkeyPatch) -> Visitor:
    return Visitor(client, monkeypatch)


def without_dot(answer: TestResponse) -> str:
    """The page, without the mark by which this one view of it is counted."""
    return re.sub(r"/dot/[^\"]+", "", answer.text)


def hidden(html: str) -> dict[str, str]:
    """The hidden fields of a page."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', html)
    return {name: unescape(value) for name, value in found}


def work_of(html: str) -> dict[str, Any]:
    found = re.search(r"data-work='([^']*)'", html)
    assert found, html
    work: dict[str, Any] = json.loads(unescape(found[1]))
    return work


def solution(html: str) -> str:
    """As a browser works it out."""
    return solved(work_of(html))


def solved(work: dict[str, Any]) -> str:
    for number in range(work["maxnumber"] + 1):
        if hashlib.sha256(f"{work['salt']}{number}".encode()).hexdigest() == work["challenge"]:
            names = ("algorithm", "challenge", "salt", "signature")
            told = {name: work[name] for name in names} | {"number": number}
            return base64.b64encode(json.dumps(told).encode()).decode()
    raise AssertionError("no number fits")


def mails(kind: str = "confirm_subscription") -> list[Notice]:
    db.session.rollback()
    rows = sa.select(Notice).where(Notice.kind == kind).order_by(Notice.id)
    return list(db.session.scalars(rows))


def link_in(notice: Notice) -> str:
    return "/subscribe/confirm/" + notice.text.partition("/subscribe/confirm/")[2].split()[0]
