"""Many people at once in a real browser: all who fit are tagged, seen to be, and put back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from app.contacts import bulk_actions, writing
from app.contacts.models import BulkAction, Tag
from app.core.db import db, transaction
from tests.browser.looking import Onlooker
from tests.conftest import Person

pytestmark = pytest.mark.browser
SignIn = Callable[[Person], None]


def people_tagged() -> int:
    db.session.rollback()
    return db.session.scalar(sa.select(Tag.people)) or 0


def work() -> None:
    """What a worker does; the web server alone does only what is quick."""
    db.session.rollback()
    for action_id, _ in bulk_actions.due():
        bulk_actions.run(action_id)


def test_all_who_fit_are_tagged_and_put_back(
    onlooker: Onlooker, sign_in: SignIn, alice: Person
) -> None:
    with transaction():
        for n in range(120):
            writing.create(alice.account, f"ann{n}@example.com", first_name="Ann")
        writing.create(alice.account, "bob@example.com", first_name="Bob")
    sign_in(alice)
    page = onlooker.page
    page.goto("/contacts")
    expect(page.locator("[data-bulk-bar]")).to_be_hidden()

    page.get_by_label("People named").fill("ann")
    expect(page.locator("#people tbody tr")).to_have_count(50)
    expect(page.get_by_text("bob@example.com")).to_have_count(0)
    page.get_by_label("Choose all on this page").check()
    expect(page.get_by_text("With 50 people")).to_be_visible()
    page.get_by_label("all who fit").check()
    expect(page.get_by_text("With all who fit")).to_be_visible()
    page.locator("#bulk-tag").fill("spring")
    assert onlooker.check("the bar") == []
    onlooker.take_picture("bulk bar", "desk", "light")
    page.get_by_role("button", name="Add tag").click()

    expect(page.get_by_role("heading", name="Add the tag “spring”")).to_be_visible()
    expect(page.get_by_text("All people named “ann”.")).to_be_visible()
    sure = page.get_by_role("button", name="Add the tag “spring”: 120 people")
    expect(sure).to_be_visible()
    assert people_tagged() == 0
    assert onlooker.check("the question") == []
    onlooker.take_picture("bulk question", "desk", "light")

    sure.click()
    expect(page.get_by_text("Done", exact=True)).to_be_visible()
    assert people_tagged() == 120
    onlooker.take_picture("bulk done", "desk", "light")
    page.get_by_role("button", name="Take it back").click()

    expect(page.get_by_text("Taken back", exact=True)).to_be_visible()
    assert people_tagged() == 0


def test_progress_is_shown_while_a_worker_is_at_it(
    onlooker: Onlooker, sign_in: SignIn, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(bulk_actions.VERBS["tag"]), "chunk", 40)
    monkeypatch.setattr(bulk_actions, "COUNT_CHUNK", 40)
    with transaction():
        for n in range(120):
            writing.create(alice.account, f"ann{n}@example.com")
        action = bulk_actions.ask(
            alice.account, "tag", {"tag": "spring"}, bulk_actions.Selection()
        )  # fmt: skip
    sign_in(alice)
    page = onlooker.page
    bulk_actions.run(action.id, budget_s=0)
    page.goto(f"/contacts/bulk/{action.id}")
    expect(page.get_by_text("40 of 120 looked at")).to_be_visible()

    bulk_actions.run(action.id, budget_s=0)
    expect(page.get_by_text("80 of 120 looked at")).to_be_visible()
    assert onlooker.check("progress") == []
    onlooker.take_picture("bulk progress", "desk", "light")
    work()

    expect(page.get_by_role("button", name="120 people")).to_be_visible()
    assert db.session.get_one(BulkAction, action.id).state == "ready"


def test_ticked_people_are_done_at_once(onlooker: Onlooker, sign_in: SignIn, alice: Person) -> None:
    with transaction():
        for name in ("Ann", "Bert", "Cleo"):
            writing.create(alice.account, f"{name}@example.com", first_name=name)
    sign_in(alice)
    page = onlooker.page
    page.goto("/contacts")
    page.get_by_label("Choose Ann").check()
    page.get_by_label("Choose Bert").check()
    page.locator("#bulk-tag").fill("vip")
    page.get_by_role("button", name="Add tag").click()

    expect(page.get_by_text("Done", exact=True)).to_be_visible()
    assert people_tagged() == 2
    page.goto("/contacts/bulk")
    page.get_by_role("button", name="Take back").click()
    expect(page.get_by_text("Taken back", exact=True)).to_be_visible()
    assert people_tagged() == 0


def test_more_things_to_do(onlooker: Onlooker, sign_in: SignIn, alice: Person) -> None:
    with transaction():
        writing.create(alice.account, "ann@example.com", first_name="Ann", fields={"town": "Ulm"})
    sign_in(alice)
    page = onlooker.page
    page.goto("/contacts")
    page.get_by_label("Choose Ann").check()
    page.get_by_role("button", name="More…").click()
    assert onlooker.check("the choice") == []
    for scheme in ("light", "dark"):
        for screen, width in (("phone", 360), ("desk", 1280)):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size({"width": width, "height": 800})
            onlooker.take_picture("bulk choice", screen, scheme)
    page.get_by_label("Its value").fill("Bonn")
    page.get_by_role("button", name="Set the field").click()

    expect(page.get_by_role("heading", name="Set town to “Bonn”")).to_be_visible()
    expect(page.get_by_text("Done", exact=True)).to_be_visible()
