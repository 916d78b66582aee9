"""Telling a friend: one mail, nothing that a visitor typed, and a way never to be told again."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_limiter import RateLimitExceeded
from werkzeug.test import TestResponse

from app.accounts import notices
from app.accounts.models import Notice
from app.campaigns.archive import deciding
from app.contacts import suppressions
from app.contacts.signup import gate
from app.core import tokens
from app.core.clock import now
from app.core.db import db, transaction
from app.core.tokens import Purpose
from app.extensions import limiter
from app.mailer.smtp import Outcome
from app.sharing import limits, telling
from app.sharing.models import NeverTell, ToldFriend
from tests.conftest import Client, Person
from tests.sharing.conftest import Send

PAGE = "/archive/bakery/fresh-bread/tell"
FRIEND = "friend@people.example"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits two seconds in a test."""
    monkeypatch.setattr(gate, "QUICKEST_S", 0)


def tell(client: Client, email: str = FRIEND, page: str = PAGE, **more: str) -> TestResponse:
    """As a browser that did its work."""
    shown = client.get(page).text
    work = json.loads(html.unescape(re.search(r"data-work='([^']+)'", shown)[1]))  # type: ignore[index]
    stamp = re.search(r'name="stamp" value="([^"]+)"', shown)[1]  # type: ignore[index]
    number = next(
        n
        for n in range(work["maxnumber"] + 1)
        if hashlib.sha256(f"{work['salt']}{n}".encode()).hexdigest() == work["challenge"]
    )
    proof = base64.b64encode(json.dumps({**work, "number": number}).encode()).decode()
    form = {"email": email, "sentence": "like", "stamp": stamp, "altcha": proof, **more}
    return client.post(page, data=form)


def mails() -> list[Notice]:
    db.session.expire_all()
    return list(db.session.scalars(sa.select(Notice).where(Notice.kind == "tell_a_friend")))


def test_a_friend_gets_one_mail_with_nothing_that_was_typed(client: Client, send: Send) -> None:
    campaign = send()

    answer = tell(client, message="Buy at http://evil.example", name="Buy")

    assert "one mail is on its way" in answer.text
    (mail,) = mails()
    assert mail.to_email == FRIEND
    assert "http://localhost/archive/bakery/fresh-bread" in mail.text
    assert "I think you will like this." in mail.text
    assert "Bakery" in mail.subject
    assert "evil" not in mail.text + mail.html + mail.subject
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    page = deciding.page_of(campaign)
    assert page is not None
    assert page.told == 1


def test_looking_and_pressing_without_a_form_tell_nobody(client: Client, send: Send) -> None:
    send()

    client.get(f"{PAGE}?email={FRIEND}&sentence=like")
    more = client.post(PAGE, data={"email": FRIEND, "sentence": "like"})
    trapped = tell(client, website="http://x")

    assert "One more press" in more.text
    assert "one mail is on its way" in trapped.text
    assert mails() == []


def test_nothing_of_the_address_stays_but_a_keyed_hash(
    client: Client, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    send()
    tell(client)
    answers = iter([Outcome(1, "never_left", text="451 friend@people.example later"),
                    Outcome(1, "accepted", text="250 friend@people.example")])  # fmt: skip
    monkeypatch.setattr(notices.smtp, "send_one", lambda *a, **b: next(answers))

    notices.send_due()
    assert mails()[0].to_email == FRIEND  # it is still to be sent
    with transaction():
        db.session.execute(sa.update(Notice).values(due_at=now()))
    assert notices.send_due() == 1

    (mail,) = mails()
    assert mail.state == "sent"
    with db.engine.connect() as connection:
        for table in ("notice", "told_friend", "archive_page"):
            rows = connection.execute(sa.text(f"SELECT * FROM {table}")).all()  # noqa: S608
            assert rows
            assert "friend" not in str(rows).replace("tell_a_friend", "")
    assert db.session.scalar(sa.select(ToldFriend.address_hash)) == telling.address_hash(FRIEND)


def test_the_same_friend_is_told_once_whoever_asks(
    client: Client, alice: Person, send: Send
) -> None:
    send()
    send("Cake", days=1)

    answers = [
        tell(client), tell(client), tell(client, " Friend@People.example "),
        tell(client, page="/archive/bakery/cake/tell"),
    ]  # fmt: skip

    assert len(mails()) == 1
    assert len({re.sub(r'(?:href|content)="[^"]*"', "", one.text)[:200] for one in answers}) <= 2
    with transaction():
        db.session.execute(sa.update(ToldFriend).values(told_at=now() - timedelta(days=2)))
    tell(client)
    assert len(mails()) == 1  # never twice of the same mail
    tell(client, page="/archive/bakery/cake/tell")
    assert len(mails()) == 2


def test_who_left_is_not_told_and_the_visitor_learns_nothing(
    client: Client, alice: Person, send: Send
) -> None:
    send()
    with transaction():
        suppressions.add(alice.account.id, FRIEND, reason="unsubscribed")

    refused, told = tell(client), tell(client, "other@people.example")

    assert [mail.to_email for mail in mails()] == ["other@people.example"]
    assert (refused.status_code, refused.data) == (told.status_code, told.data)


def test_never_again_holds_for_every_business(client: Client, alice: Person, send: Send) -> None:
    send()
    tell(client)
    link = mails()[0].headers["List-Unsubscribe"].strip("<>").removeprefix("http://localhost")

    assert "Never be told again?" in client.get(link).text
    assert db.session.get(NeverTell, telling.address_hash(FRIEND)) is None  # looking is not enough
    assert client.post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 200

    with transaction():
        db.session.execute(sa.delete(ToldFriend))
        db.session.execute(sa.delete(Notice))
    tell(client)
    assert mails() == []
    assert "Nobody tells you again" in client.get(link).text
    assert "Nobody tells you again" in client.post(link, data={"from": "page"}).text
    assert FRIEND not in link


@pytest.mark.parametrize("purpose", [Purpose.UNSUBSCRIBE, Purpose.SHARE])
def test_a_token_of_another_purpose_says_never_for_nobody(
    client: Client, app: Flask, purpose: Purpose
) -> None:
    token = tokens.sign(purpose, 12345)

    assert client.post(f"/never-tell/{token}").status_code == 404
    assert db.session.scalar(sa.select(NeverTell)) is None


def test_what_is_no_address_or_no_sentence_is_said(client: Client, send: Send) -> None:
    send()

    assert tell(client, "nobody").status_code == 422
    assert tell(client, sentence="Buy my things").status_code == 422
    assert mails() == []


def test_an_owner_may_do_without(client: Client, alice: Person, send: Send) -> None:
    send()
    with transaction():
        deciding.opened(alice.account).can_tell = False

    assert client.get(PAGE).status_code == 404
    assert "Tell a friend" not in client.get("/archive/bakery/fresh-bread").text


def test_an_account_has_only_so_many_told_a_day(
    client: Client, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    send()
    monkeypatch.setattr(telling, "PER_ACCOUNT", 2)

    for n in range(4):
        tell(client, f"friend{n}@people.example")

    assert len(mails()) == 2


@pytest.fixture
def limited(whole_app: Flask) -> Iterator[None]:
    limiter.enabled = True
    limiter.reset()
    yield
    limiter.enabled = False


@pytest.mark.usefixtures("limited")
def test_one_network_can_tell_only_so_many(client: Client, send: Send) -> None:
    send()

    answers = [tell(client, f"friend{n}@people.example") for n in range(12)]

    assert [one.status_code for one in answers].count(429) == 2
    assert len(mails()) == 10


@pytest.mark.usefixtures("limited")
def test_one_address_is_typed_in_only_so_often(app: Flask) -> None:
    with app.test_request_context(PAGE, method="POST", data={"email": FRIEND}):
        assert [limits.is_address_told_too_often() for _ in range(5)] == [False] * 3 + [True] * 2
    with app.test_request_context("/s/x", method="POST"):
        for _ in range(5):
            limits.count_try()
        with pytest.raises(RateLimitExceeded):
            limits.count_try()
