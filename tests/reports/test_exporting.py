"""Opens, clicks and bounces as CSV."""

from __future__ import annotations

import csv
import io

import pytest

from app.core.clock import now
from app.core.db import transaction
from app.delivery.models import Event
from app.reports import exporting
from tests.conftest import Client, Person
from tests.tracking.mails import Sent, send


def heard(sent: Sent, kind: str, n: int = 1, **values: object) -> None:
    with transaction() as session:
        session.add_all(
            Event(
                campaign_id=sent.campaign.id, delivery_id=sent.deliveries[0].id,
                contact_id=sent.contacts[0].id, kind=kind, at=now(), **values,
            )
            for _ in range(n)
        )  # fmt: skip


def rows(client: Client, sent: Sent, what: str) -> list[dict[str, str]]:
    answer = client.get(f"/campaigns/{sent.campaign.id}/report/people/{what}.csv")
    assert answer.status_code == 200
    assert answer.mimetype == "text/csv"
    assert f'filename="may-news-{what}.csv"' in answer.headers["Content-Disposition"]
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_each_click_is_a_line_with_its_link(client: Client, alice: Person, sent: Sent) -> None:
    heard(sent, "click", verdict="human", link_id=sent.links[1].id)
    heard(sent, "open", verdict="machine")
    client.sign_in(alice)

    (click,) = rows(client, sent, "clicked")
    (opened,) = rows(client, sent, "opened")

    assert click["address"] == "may0@example.com"
    assert (click["link"], click["verdict"]) == ("https://shop.example/rolls", "human")
    assert opened["verdict"] == "machine"


def test_what_a_server_said_is_no_formula(client: Client, alice: Person, sent: Sent) -> None:
    heard(sent, "bounce", verdict="hard", fault="mailbox", reason="=HYPERLINK(1)")
    client.sign_in(alice)

    (bounce,) = rows(client, sent, "bounced")

    assert (bounce["reason"], bounce["fault"]) == ("'=HYPERLINK(1)", "mailbox")


def test_long_lists_come_in_slices(
    client: Client, alice: Person, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "CHUNK", 2)
    heard(sent, "open", n=4, verdict="human")
    client.sign_in(alice)

    assert len(rows(client, sent, "opened")) == 4


def test_where_nobody_is_counted_there_is_no_list_of_people(client: Client, alice: Person) -> None:
    sent = send(alice.account, tracking="aggregate")
    client.sign_in(alice)
    address = f"/campaigns/{sent.campaign.id}/report/people"

    assert client.get(f"{address}/opened.csv").status_code == 404
    assert client.get(f"{address}/invented.csv").status_code == 404
    assert client.get(f"{address}/bounced.csv").status_code == 200


def test_a_stranger_gets_none(client: Client, charlie: Person, sent: Sent) -> None:
    client.sign_in(charlie)

    answer = client.get(f"/campaigns/{sent.campaign.id}/report/people/opened.csv")

    assert answer.status_code == 404
