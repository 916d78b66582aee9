"""Somebody looks around; the operator and an owner see sums, and nobody's name."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect

from app.accounts.models import Member
from app.analytics import taking
from app.core.db import db, transaction
from tests.browser.conftest import WebServer
from tests.browser.looking import Onlooker
from tests.conftest import Person
from tests.servers import wait_until
from tests.sharing.conftest import Send, send

__all__ = ["send"]
pytestmark = pytest.mark.browser

#: Chromium without a window says so, and programs are not counted.
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def test_visits_of_the_site_and_of_an_archive_are_seen_in_sums(
    browser: Browser, web: WebServer, onlooker: Onlooker, sign_in: Callable[[Person], None],
    alice: Person, send: Send,
) -> None:  # fmt: skip
    send("What we bake in December")
    with transaction():
        db.session.get_one(Member, alice.member.id).staff_roles = ["marketing"]
    outside = browser.new_context(base_url=web.url, user_agent=FIREFOX)
    stranger = outside.new_page()
    for path in ("/", "/help", "/archive/bakery", "/archive/bakery/what-we-bake-in-december"):
        stranger.goto(path, wait_until="networkidle")
    assert {one["name"] for one in outside.cookies()} <= {"leadersend"}, "that of forms alone"
    outside.close()
    seen: list[int] = []

    def are_taken() -> bool:
        seen.append(taking.take_views())
        return sum(seen) >= 4

    wait_until(are_taken, what="four views")

    sign_in(alice)
    page = onlooker.page
    assert onlooker.look_at("/staff/visits?days=7", "visits of the site") == []
    page.goto("/staff/visits?days=7")
    for name, number in (("Visits", "1"), ("Page views", "2")):
        stat = page.locator(".stat").filter(has=page.get_by_text(name, exact=True))
        expect(stat.locator(".stat__value")).to_have_text(number)
    expect(page.get_by_role("row", name=re.compile("Start page"))).to_be_visible()

    page.goto("/reports/pages")
    expect(page.get_by_role("row", name=re.compile("What we bake in December"))).to_contain_text(
        re.compile(r"\b1\b")
    )
