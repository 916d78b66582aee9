"""A segment built by clicking: count and people while one writes, then used as an audience."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from app.campaigns import audience
from app.campaigns.models import Campaign
from app.contacts import fields, suppressions, tags, writing
from app.contacts.models import Headcount, Segment
from app.core.db import db, transaction
from tests.browser.looking import Onlooker
from tests.campaigns.conftest import add_list, add_people
from tests.conftest import Person

pytestmark = pytest.mark.browser


def test_a_segment_is_built_by_clicking_and_gets_a_campaign(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person
) -> None:
    newsletter = people(alice)
    sign_in(alice)
    page = onlooker.page
    page.set_viewport_size({"width": 1280, "height": 860})
    page.goto(onlooker.base_url + "/segments")
    page.get_by_role("link", name="New segment").first.click()

    numbers = page.locator("#segment-numbers")
    expect(numbers).to_contain_text("Choose what to ask for")
    page.get_by_label("What to ask for").select_option("list")
    page.get_by_label("List", exact=True).select_option(label="Newsletter")
    expect(numbers).to_contain_text("12 people")
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_label("What to ask for").nth(1).select_option(label="Town")
    box = page.get_by_label("Text", exact=True)
    box.press_sequentially("köl", delay=30)
    expect(numbers).to_contain_text("0 people")
    box.press_sequentially("n", delay=30)
    expect(numbers).to_contain_text("6 people")
    expect(numbers).to_contain_text("1 complained")
    # What was typed and where one was is kept while the count came.
    expect(box).to_be_focused()
    expect(box).to_have_value("köln")

    page.get_by_role("button", name="Add a group").click()
    inner = page.locator(".rule-group--inner")
    inner.get_by_label("What to ask for").select_option("tag")
    inner.get_by_label("Tag", exact=True).select_option("vip")
    expect(numbers).to_contain_text("2 people")
    # By the keyboard alone: on to the button that takes the condition away again.
    inner.get_by_label("Tag", exact=True).press("Tab")
    page.keyboard.press("Enter")
    expect(inner.locator(".rule-row")).to_have_count(0)
    inner.get_by_role("button", name="Take the group away").click()
    expect(numbers).to_contain_text("6 people")
    assert onlooker.check("the builder") == []

    page.get_by_label("Name", exact=True).fill("Cologne")
    page.get_by_role("button", name="Save the segment").click()
    expect(page.get_by_role("heading", name="Cologne")).to_be_visible()
    expect(page.locator("#people")).to_contain_text("Person 2")
    assert onlooker.check("the segment") == []

    campaign = draft(alice)
    page.goto(f"{onlooker.base_url}/campaigns/{campaign.id}/people")
    page.get_by_role("group", name="And to segments").get_by_label("Cologne").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("5 people").first).to_be_visible()
    db.session.rollback()
    db.session.expire_all()
    assert audience.count(db.session.get_one(Campaign, campaign.id)) == 5
    segment = db.session.scalars(sa.select(Segment)).one()
    assert segment.rule["all"][0]["value"] == newsletter
    assert onlooker.faults == []


def test_the_builder_fits_every_screen(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person
) -> None:
    people(alice)
    sign_in(alice)

    assert onlooker.look_at("/segments", "segments empty") == []
    for like in ("silent", "engaged", "new"):
        onlooker.page.goto(f"{onlooker.base_url}/segments/new?like={like}")
        onlooker.page.get_by_role("button", name="Save the segment").click()
        expect(onlooker.page.get_by_text("Saved.")).to_be_visible()
    with transaction():
        segment = db.session.scalars(sa.select(Segment).order_by(Segment.id)).first()
        assert segment is not None
        rule = {
            "all": [
                *segment.rule["all"],
                {"any": [
                    {"field": "tag", "op": "has", "value": "vip"},
                    {"field": "fields.town", "op": "contains", "value": "a" * 60},
                    {"field": "list", "op": "on", "value": 1,
                     "when": {"op": "between", "value": ["2025-01-01", "2025-12-31"]}},
                ]},
            ]
        }  # fmt: skip
        segment.rule = rule
    assert onlooker.look_at("/segments", "segments full") == []
    assert onlooker.look_at(f"/segments/{segment.id}", "segment") == []
    assert onlooker.look_at(f"/segments/{segment.id}/edit", "segment edit") == []
    assert onlooker.look_at(f"/segments/{segment.id}/delete", "segment delete") == []
    assert onlooker.look_at(f"/contacts?segment={segment.id}", "contacts of a segment") == []


def people(person: Person) -> int:
    """Twelve on Newsletter, half of them in Köln, two of those vip, one never mailed."""
    newsletter = add_list(person.account, active=12)
    with transaction():
        fields.create(person.account.id, "Town")
        db.session.add(Headcount(account_id=person.account.id, people=12))
    for number in range(12):
        (one,) = add_people(person.account, newsletter, f"Person{number}")
        with transaction():
            town = "Köln" if number % 2 == 0 else "Bonn"
            writing.update(one, first_name=f"Person {number}", fields={"town": town})
            if number in (2, 4):
                tags.add(tags.named(person.account.id, "vip"), [one.id])
            if number == 6:
                suppressions.add(person.account.id, one.address, reason="complaint")
    return newsletter.id


def draft(person: Person) -> Campaign:
    with transaction():
        campaign = Campaign(account_id=person.account.id, name="May", subject="May", body="Hi")
        db.session.add(campaign)
    return campaign
