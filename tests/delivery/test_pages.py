"""The receipt, the recipients and the decision about uncertain mails, as an owner sees them."""

from __future__ import annotations

import csv
import io

import html5lib
import pytest
import sqlalchemy as sa

from app.campaigns.models import Campaign
from app.core.db import db, transaction
from app.delivery.models import Delivery
from app.delivery.receipts import receipt
from app.site import sampling
from tests.conftest import Client, Person

PAGES = ("progress", "receipt", "recipients", "recipients.csv", "uncertain")


@pytest.fixture
def campaign(alice: Person) -> Campaign:
    """A sent one, with every kind of outcome."""
    with transaction():
        sampling.add(alice.account)
    newest = db.session.scalar(sa.select(Campaign).order_by(Campaign.id.desc()))
    assert newest is not None
    return newest


@pytest.mark.parametrize("page", PAGES)
def test_the_owner_sees_it(client: Client, alice: Person, campaign: Campaign, page: str) -> None:
    client.sign_in(alice)

    response = client.get(f"/campaigns/{campaign.id}/{page}")

    assert response.status_code == 200
    if response.mimetype == "text/html":
        html5lib.HTMLParser(strict=True).parse(response.text)


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_does_not(
    client: Client, charlie: Person, campaign: Campaign, page: str
) -> None:
    client.sign_in(charlie)

    assert client.get(f"/campaigns/{campaign.id}/{page}").status_code == 404


def test_the_receipt_says_that_it_adds_up(
    client: Client, alice: Person, campaign: Campaign
) -> None:
    client.sign_in(alice)
    numbers = receipt(campaign.id)

    page = client.get(f"/campaigns/{campaign.id}/receipt").text

    assert "It adds up." in page
    assert f"<dd>{numbers.intended:,}</dd>" in page


def test_the_file_has_every_recipient_and_no_formula(
    client: Client, alice: Person, campaign: Campaign
) -> None:
    with transaction():
        row = db.session.scalar(sa.select(Delivery).where(Delivery.campaign_id == campaign.id))
        assert row is not None
        row.answer = "=HYPERLINK(1)"
    client.sign_in(alice)

    rows = list(
        csv.DictReader(io.StringIO(client.get(f"/campaigns/{campaign.id}/recipients.csv").text))
    )

    assert len(rows) == receipt(campaign.id).intended
    assert rows[0]["answer"] == "'=HYPERLINK(1)"
    assert {each["state"] for each in rows} == {"sent", "failed", "uncertain", "skipped"}


def test_recipients_by_state_with_the_words_of_the_server(
    client: Client, alice: Person, campaign: Campaign
) -> None:
    client.sign_in(alice)

    page = client.get(f"/campaigns/{campaign.id}/recipients?state=failed").text

    assert page.count("<tr>") == 1 + receipt(campaign.id).failed
    assert "5.1.1" in page


def test_pages_of_recipients_follow_each_other(
    client: Client, alice: Person, campaign: Campaign
) -> None:
    client.sign_in(alice)
    seen, address = 0, f"/campaigns/{campaign.id}/recipients?state=sent"
    while address:
        tree = html5lib.parse(client.get(address).text, namespaceHTMLElements=False)
        seen += len(tree.findall(".//tbody/tr"))
        older = tree.find(".//a[@rel='next']")
        address = older.get("href") if older is not None else ""

    assert seen == receipt(campaign.id).sent


def test_progress_asks_again_only_while_it_moves(
    client: Client, alice: Person, campaign: Campaign
) -> None:
    client.sign_in(alice)
    address = f"/campaigns/{campaign.id}/progress"

    at_rest = client.htmx("GET", address).text
    with transaction():
        db.session.execute(sa.update(Campaign).values(state="sending"))
    moving = client.htmx("GET", address).text

    assert "<html" not in moving
    assert "hx-trigger" not in at_rest
    assert "hx-trigger" in moving
    assert "Pause" in moving


def test_uncertain_sample_mails_are_never_sent(
    client: Client, alice: Person, campaign: Campaign
) -> None:
    client.sign_in(alice)

    page = client.get(f"/campaigns/{campaign.id}/uncertain").text
    refused = client.post(f"/campaigns/{campaign.id}/uncertain/send-again")

    assert "uncertain/send-again" not in page
    assert refused.status_code == 409
    assert receipt(campaign.id).uncertain == 1


def test_the_decision_about_uncertain_mails_is_noted(
    client: Client, alice: Person, campaign: Campaign
) -> None:
    client.sign_in(alice)

    client.post(f"/campaigns/{campaign.id}/uncertain/treat-as-sent")

    assert receipt(campaign.id).uncertain == 0
    assert "treated uncertain mails as sent" in client.get("/settings/audit").text


def test_uncertain_mails_are_sent_again_from_the_page(
    client: Client, alice: Person, campaign: Campaign
) -> None:
    with transaction():
        db.session.execute(sa.update(Campaign).values(is_sample=False))
    client.sign_in(alice)

    answer = client.post(f"/campaigns/{campaign.id}/uncertain/send-again")

    assert answer.status_code == 303
    assert receipt(campaign.id).uncertain == 0
    assert receipt(campaign.id).pending == 1
