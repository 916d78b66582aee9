"""Whoever gets abuse can say so, and links can be stopped at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from app.accounts.models import Notice
from app.core.db import db, transaction
from app.core.errors import Invalid
from app.delivery.models import Link
from app.extensions import limiter
from app.tracking import express, links, stopping
from app.trust import forgetting, reporting
from app.trust.models import AbuseReport
from tests.conftest import Client, Person
from tests.tracking.conftest import sent
from tests.tracking.mails import Sent
from tests.trust.conftest import look_into

__all__ = ["sent"]


@pytest.fixture
def limits_on() -> Iterator[None]:
    limiter.enabled = True
    limiter.reset()
    yield
    limiter.reset()
    limiter.enabled = False


@pytest.fixture(autouse=True)
def fresh_memory() -> Iterator[None]:
    links.forget()
    yield
    links.forget()


def report(client: Client, **values: str) -> str:
    data = {"kind": "spam", "text": "I never asked.", "email": "reader@home.example", **values}
    answer = client.post("/abuse", data=data)
    assert answer.status_code == 303, answer.text
    return str(answer.location).partition("told=")[2]


def test_a_reader_reports_from_the_mail_and_gets_an_answer(
    client: Client, sent: Sent, alice: Person, olga: Person
) -> None:
    why = client.get(f"{sent.preferences()}/why").text
    at = why.partition("/abuse?mail=")[2].partition('"')[0]
    page = client.get(f"/abuse?mail={at}").text
    assert "from <strong" in page

    number = report(client, token=at)

    assert number.startswith("A-")
    row = db.session.scalars(sa.select(AbuseReport)).one()
    assert (row.account_id, row.campaign_id) == (alice.account.id, sent.campaign.id)
    client.sign_in(olga)
    assert number in client.get("/staff/abuse").text
    panel = look_into(client, alice)
    assert number in client.get(panel).text
    answer = {"outcome": "acted", "answer": "They lost that list."}
    assert client.post(f"/staff/abuse/reports/{row.id}", data=answer).status_code == 303
    assert client.post(f"/staff/abuse/reports/{row.id}", data=answer).status_code == 409
    db.session.rollback()
    mails = db.session.execute(
        sa.select(Notice.to_email, Notice.subject, Notice.text).order_by(Notice.id)
    ).all()
    assert [row[0] for row in mails if row[0] != alice.member.email] == [
        "reader@home.example", "info@mail.test", "reader@home.example",
    ]  # fmt: skip
    assert "They lost that list." in mails[-1].text
    assert "reader@home.example" not in client.get(panel).text


def test_a_report_without_an_address_or_a_mail_is_taken_too(client: Client, olga: Person) -> None:
    report(client, email="", token="x" * 30, url="https://shop.example/")

    row = db.session.scalars(sa.select(AbuseReport)).one()
    assert row.account_id is None
    client.sign_in(olga)
    assert "no account found" in client.get("/staff/abuse").text
    assert client.post(f"/staff/abuse/reports/{row.id}", data={"outcome": "x"}).status_code == 422


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"text": ""}, "Say in a sentence"), ({"kind": "x"}, "Choose what"), ({"email": "x"}, "@")],
)
def test_what_is_missing_is_said(client: Client, wrong: dict[str, str], words: str) -> None:
    answer = client.post("/abuse", data={"kind": "spam", "text": "Hm", "email": "", **wrong})

    assert answer.status_code == 422
    assert words in answer.text


def test_where_too_many_come_what_was_written_stays(client: Client, limits_on: None) -> None:
    data = {"kind": "spam", "email": "v@x.example", "url": "https://bad.example/"}
    wrong = [client.post("/abuse", data={**data, "text": ""}).status_code for _ in range(6)]
    answers = [client.post("/abuse", data={**data, "text": f"All of {n}"}) for n in range(6)]

    # Who only forgot a word is not kept out.
    assert wrong == [422] * 6
    assert [answer.status_code for answer in answers] == [303] * 5 + [429]
    for words in ("All of 5", "v@x.example", "https://bad.example/", "Wait a minute",
                  'value="spam" required checked'):  # fmt: skip
        assert words in answers[-1].text
    assert db.session.scalar(sa.select(sa.func.count(AbuseReport.id))) == 5


def test_nobodys_mailbox_is_flooded_with_confirmations(client: Client) -> None:
    for email in ("v@shop.example", "V@shop.example", "v@shop.example", "v@shop.example"):
        report(client, email=email)

    db.session.rollback()
    assert db.session.scalar(sa.select(sa.func.count(AbuseReport.id))) == 4
    to = db.session.scalars(sa.select(Notice.to_email)).all()
    assert sum(one.lower() == "v@shop.example" for one in to) == reporting.CONFIRMED_A_DAY


def test_programs_that_fill_in_everything_leave_nothing(client: Client) -> None:
    report(client, fax="1")

    assert db.session.scalar(sa.select(sa.func.count(AbuseReport.id))) == 0


@pytest.mark.parametrize("key", ["link:{link}", "host:bakery.example", "account:{account}"])
def test_a_stopped_link_shows_a_warning_instead_of_leading_on(
    client: Client, sent: Sent, alice: Person, olga: Person, key: str
) -> None:
    assert client.get(sent.click()).status_code == 302
    link_id = db.session.scalar(sa.select(Link.id).order_by(Link.position).limit(1))
    kind, _, what = key.format(link=link_id, account=alice.account.id).partition(":")
    host = db.session.get_one(Link, link_id).url.split("/")[2]
    what = host if kind == "host" else what
    client.sign_in(olga)
    reason = "It asks for passwords in the name of a bank."

    data = {"kind": kind, "what": what, "reason": reason}
    assert client.post("/staff/abuse/links", data=data).status_code == 303
    links.forget()

    page = client.get(sent.click())
    assert page.status_code == 403
    assert reason in page.text
    assert "Location" not in page.headers
    assert links.known_location(int(link_id or 0)) == ""
    (stopped,) = stopping.in_force()
    client.post(f"/staff/abuse/links/{stopped.id}/let-through")
    links.forget()
    assert client.get(sent.click()).status_code == 302


@pytest.mark.parametrize(
    "pasted", ["https://Bakery.example/login?x=1", "bakery.example:8443", "bakery.example."]
)
def test_a_pasted_address_stops_its_host(app: object, pasted: str) -> None:
    with transaction():
        stopping.stop(f"host:{pasted}", reason="Phishing.", by_id=None)

    assert stopping.why(1, 1, "http://www.bakery.example/other") == "Phishing."


@pytest.mark.parametrize("key", ["host:", "host:https://", "link:x", "account:Bakery", "page:1"])
def test_what_would_stop_nothing_is_refused(app: object, key: str) -> None:
    with transaction(), pytest.raises(Invalid):
        stopping.stop(key, reason="Phishing.", by_id=None)


def test_other_hosts_lead_on(client: Client, sent: Sent) -> None:
    with transaction():
        stopping.stop("host:ery.example", reason="?", by_id=None)
        stopping.stop("host:www.bakery.example", reason="?", by_id=None)
    links.forget()

    assert client.get(sent.click()).status_code == 302


def test_memory_of_links_is_short_enough_to_stop_them_at_once() -> None:
    assert links.TRUST_S <= 2
    assert express.PIXEL


def test_reports_that_were_answered_go_after_a_year(client: Client, olga: Person) -> None:
    from datetime import timedelta

    from app.core.clock import now

    report(client)
    with transaction():
        db.session.execute(
            sa.update(AbuseReport).values(answered_at=now() - timedelta(days=366), outcome="acted")
        )

    assert forgetting.keep("abuse_reports") == 1
