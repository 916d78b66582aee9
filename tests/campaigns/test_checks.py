"""The pre-flight list: each finding, and that a good mail has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.campaigns import checks
from app.campaigns.models import Campaign
from app.contacts.models import ContactField, ContactList
from app.core import settings
from app.core.db import db, transaction
from tests.campaigns.conftest import add_people, add_sender
from tests.conftest import Person

Draft = Callable[..., Campaign]


def found(campaign: Campaign, level: str) -> dict[str, str]:
    return {
        one.code: f"{one.title} {one.text}"
        for one in checks.preflight(campaign)
        if one.level == level
    }


def test_a_good_mail_is_ready_and_says_who_gets_it(draft: Draft) -> None:
    campaign = draft()

    assert found(campaign, "block") == {}
    assert found(campaign, "warn") == {}
    assert found(campaign, "info")["count"].startswith("3 people will get it.")
    checks.demand_ready(campaign)


def test_plain_text_alone_is_ready_too(draft: Draft) -> None:
    assert found(draft(body="", text_body="Bread is warm."), "block") == {}
    assert "body" in found(draft(body=" ", text_body="\n"), "block")


def test_sample_people_are_mailed_where_mail_is_caught_only(draft: Draft) -> None:
    campaign = draft()
    with transaction():
        db.session.get_one(ContactList, campaign.audience[0].list_id).is_sample = True
    assert "lists" not in found(campaign, "block")

    kept = settings.get()
    settings.configure(replace(kept, CATCHER=False))
    try:
        assert "do not exist" in found(campaign, "block")["lists"]
    finally:
        settings.configure(kept)


@pytest.mark.parametrize(
    ("type_", "unknown"), [("json", []), ("text", ["contact.fields.order.total"])]
)
def test_tags_may_look_into_data(
    draft: Draft, alice: Person, type_: str, unknown: list[str]
) -> None:
    with transaction():
        db.session.add(
            ContactField(account_id=alice.account.id, key="order", label="Order", type=type_)
        )
    campaign = draft(body="{{ contact.fields.order.total | default: 0 }}")

    assert checks.unknown_tags(campaign) == unknown


@pytest.mark.parametrize(
    ("values", "code", "words"),
    [
        ({"subject": " "}, "subject", "no subject"),
        ({"body": " \n"}, "body", "empty"),
        ({"from_email": ""}, "from", "Nobody is the sender"),
        ({"from_email": "other@bakery.example"}, "from", "none of your senders"),
        ({"lists": []}, "people", "Choose at least one list"),
        ({"body": "{{ contact.first_name"}, "body", "Line 1: a merge tag is never closed"),
        ({"subject": "{{ x | shout }}"}, "subject", "no filter"),
        ({"body": "{{ Campaign-Source }}"}, "merge_tags", "Campaign-Source"),
        ({"body": "{{ contact.fields.shoe_size }}"}, "merge_tags", "contact.fields.shoe_size"),
        ({"body": "{% for i in (1..99999999) %}x{% endfor %}"}, "body", "loops too often"),
        ({"body": "[x](bakery.example/bread)"}, "links", "Begin with https://"),
        ({"format": "html", "body": "<a href='java\nscript:x'>x</a>"}, "links", "run a program"),
        ({"format": "html", "body": "<a href='/bread'>x</a>"}, "links", "/bread"),
        ({"format": "html", "body": "<img src='l.png' alt=''>"}, "links", "l.png"),
        ({"body": "[x](https://{{ contact.company }}.example/)"}, "links", "names its server"),
        ({"format": "html", "body": "<div style='display:none'>x"}, "footer", "hides the end"),
        ({"format": "html", "body": "<p>x</p><!-- x"}, "body", "never closed"),
        ({"format": "mjml", "body": "<mj-text>x</mj-text>"}, "body", "no <mjml>"),
    ],
)
def test_it_blocks(draft: Draft, values: dict[str, Any], code: str, words: str) -> None:
    campaign = draft(**values)

    assert words in found(campaign, "block")[code]
    with pytest.raises(checks.NotReady):
        checks.demand_ready(campaign)


@pytest.mark.parametrize(
    ("values", "code", "words"),
    [
        ({"preheader": ""}, "preheader", "first words"),
        ({"subject": "FRESH BREAD"}, "subject", "capitals"),
        ({"subject": "bread " * 20}, "subject", "very long"),
        ({"format": "html", "body": "<img src='https://x.example/l.png'>"}, "alt", "1 image has"),
        ({"body": "![](https://x.example/l.png)"}, "alt", "between the brackets"),
        ({"body": "[x](http://bakery.example/)"}, "http", "http://bakery.example/"),
        ({"body": "bread " * 20_000}, "size", "Gmail cuts"),
        ({"format": "html", "body": "<a href='#'>x</a>"}, "links", "leads nowhere"),
        ({"format": "html", "body": "<form>x</form>"}, "tags", "<form>"),
    ],
)
def test_it_warns(draft: Draft, values: dict[str, Any], code: str, words: str) -> None:
    campaign = draft(**values)

    assert words in found(campaign, "warn")[code]
    checks.demand_ready(campaign)


def test_it_says_how_many_people_lack_a_merge_tag(
    draft: Draft, alice: Person, newsletter: ContactList
) -> None:
    with transaction():
        db.session.add(ContactField(account_id=alice.account.id, key="town", label="Town"))
    add_people(alice.account, newsletter, "Dora", fields={"town": "Ulm"}, company="Mill")

    town = found(draft(body="{{ contact.fields.town }}"), "warn")["fallback"]
    company = found(draft(body="{{ contact.company }}"), "warn")["fallback"]

    assert "3 of 4" in town
    assert "3 of 4" in company
    assert "fallback" not in found(draft(body="{{ contact.company | default: 'x' }}"), "warn")
    assert "All 4" in found(draft(body="{{ contact.first_name }}"), "info")["fallback"]


def test_described_and_decorative_images_are_fine(draft: Draft) -> None:
    body = "<img src='https://x.example/l.png' alt=''>"

    assert "alt" not in found(draft(format="html", body=body), "warn")
    assert "alt" not in found(draft(body="![Rolls](https://x.example/l.png)"), "warn")


def test_a_gap_is_named_before_anybody_is_chosen(draft: Draft) -> None:
    told = found(draft(body="{{ contact.company }}", lists=[]), "info")["fallback"]

    assert "would see a gap" in told
    assert "0 people" not in told


def test_the_postal_address_must_be_there(draft: Draft, alice: Person) -> None:
    campaign = draft()
    with transaction():
        alice.account.address = " "

    assert "postal address" in found(campaign, "block")["address"]


def test_the_sender_must_be_confirmed(draft: Draft, alice: Person) -> None:
    add_sender(alice.account, "new@bakery.example", confirmed=False)

    assert "not confirmed" in found(draft(from_email="new@bakery.example"), "block")["from"]


def test_who_is_left_out_is_told(draft: Draft, alice: Person, newsletter: ContactList) -> None:
    add_people(alice.account, newsletter, "Paul", state="pending")

    assert "1 have not confirmed yet" in found(draft(), "info")["left_out"]


def test_a_name_used_twice_is_noticed(draft: Draft) -> None:
    draft()

    assert "same name" in found(draft(), "warn")["name"]
