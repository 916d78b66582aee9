"""From a new entry of the inventory to somebody who has read what changed and accepted it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.contacts import handles
from app.core.db import db
from app.privacy import consenting, publishing
from tests.browser.looking import Onlooker
from tests.conftest import Person
from tests.privacy.conftest import OWN, staff_member

pytestmark = pytest.mark.browser


def test_a_version_is_published_noticed_compared_and_accepted(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person
) -> None:
    page, looks = onlooker.page, onlooker
    sam = staff_member(alice, "sam@operator.example", "Sam Service", "service")
    sign_in(sam)
    page.goto(f"{looks.base_url}/staff/policy")
    page.get_by_role("link", name="Open the inventory").click()
    page.get_by_role("link", name="Add an entry").click()
    labels = ("Name", "What is kept", "Why", "Legal ground", "How long", "Where")
    for label, words in zip(labels, OWN.values(), strict=True):
        page.get_by_label(label, exact=True).fill(words)
    assert looks.check("new entry") == []
    page.get_by_role("button", name="Keep in the draft").click()
    assert looks.look_at("/staff/policy/inventory", "policy inventory") == []
    assert looks.look_at("/staff/policy", "policy draft") == []
    page.get_by_label("What changes, in plain words").fill("We keep contracts on paper too.")
    page.get_by_label("It matters").check()
    page.get_by_role("button", name="Publish version").click()
    page.get_by_text("Version 2 is published.").wait_for()

    sign_in(alice)
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{looks.base_url}/contacts")
    page.get_by_role("heading", name="Before you go on").wait_for()
    assert looks.check("asked first") == []
    looks.take_picture("policy asked first", "phone", "light")
    page.get_by_role("link", name="See what changed: 1 passage").click()
    page.locator(".policy__changed ins").first.wait_for()
    assert looks.look_at("/privacy/compare?from=1&to=2", "policy compared") == []
    page.goto(f"{looks.base_url}/contacts")
    page.get_by_role("button", name="I have read it and accept").click()

    page.wait_for_url("**/contacts")
    page.get_by_text("Version 2 is accepted. Thank you.").wait_for()
    db.session.expire_all()
    assert consenting.has_accepted(alice.member, publishing.version(2))
    own = f"/privacy/of/{handles.handle(alice.account)}"
    assert looks.look_at(own, "privacy page of an account") == []
