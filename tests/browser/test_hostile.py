"""Attacks in every text, in a real browser: nothing of them runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page

from app.campaigns.models import Campaign
from app.core.db import db, transaction
from tests.architecture import everything
from tests.attacks import hostile
from tests.conftest import Person

pytestmark = pytest.mark.browser

#: Mail that a business might paste in, from every side on which scripts come.
MAIL = """<base href="https://evil.example/"><meta http-equiv="refresh" content="0;url=/campaigns">
<script>parent.pwned=1</script><img src="x" onerror="parent.pwned=1"><svg onload="parent.pwned=1">
<math><mi xlink:href="javascript:parent.pwned=1">x</mi></math>
<a href="javascript:parent.pwned=1">a</a>
<form action="/sign-out" method="post"><button id="go">go</button></form>
<noscript><p title="</noscript><img src=x onerror=parent.pwned=1>"></noscript>
<p style="width:expression(parent.pwned=1)">Hello</p><iframe src="/settings/people"></iframe>"""


def test_nothing_that_somebody_typed_runs(
    context: BrowserContext, sign_in: Callable[[Person], None], alice: Person, bob: Person
) -> None:
    ids = everything.make(alice, bob)
    hostile.fill()
    with transaction():
        campaign = db.session.get_one(Campaign, ids["campaign_id"])
        campaign.body, campaign.format, campaign.text_body = MAIL, "html", ""
        campaign.subject, campaign.preheader = "May", ""
    sign_in(alice)
    page = context.new_page()
    said: list[str] = []
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on(
        "console",
        lambda line: said.append(line.text) if "Content Security Policy" in line.text else None,
    )

    for path in (
        "/home", "/campaigns", f"/campaigns/{ids['campaign_id']}", "/contacts",
        f"/contacts/{ids['contact_id']}", "/lists", "/segments", "/imports",
        f"/imports/{ids['import_id']}", "/forms", "/settings/senders", "/settings/people",
        "/settings/audit", "/settings/api-tokens", "/reports", "/palette?q=img",
    ):  # fmt: skip
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.pwned") is None, path
        assert page.locator("img[src=x], b[hx-get]").count() == 0, path
    assert said == []

    look_at_the_mail(page, ids["campaign_id"])


def look_at_the_mail(page: Page, campaign: int) -> None:
    """In its frame and alone: it is shown, and can do nothing."""
    page.goto(f"/campaigns/{campaign}/look")
    page.wait_for_load_state("networkidle")
    assert page.locator("iframe").count() > 0
    assert page.evaluate("window.pwned") is None
    address = page.locator("iframe").first.get_attribute("src")
    assert address
    page.goto(address)
    assert "Hello" in (page.text_content("body") or "")
    assert page.evaluate("self.origin") == "null"
    before = page.url
    page.wait_for_timeout(300)
    assert page.url == before
