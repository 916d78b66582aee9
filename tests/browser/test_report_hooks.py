"""The pages of a provider's reports: fit every screen, axe has nothing to say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from app.accounts import report_hooks
from app.accounts.models import ReportHook
from app.core.clock import now
from app.core.db import transaction
from tests.amazon import TOPIC
from tests.browser.looking import Onlooker
from tests.conftest import Person

pytestmark = pytest.mark.browser


def hook_of(person: Person, provider: str, key: str = "", **values: object) -> ReportHook:
    with transaction():
        hook = report_hooks.make(person.account, person.member, provider=provider, key=key)
        for name, value in values.items():
            setattr(hook, name, value)
    return hook


@pytest.mark.parametrize("provider", ["ses", "postmark", "sendgrid", "mailgun"])
def test_the_steps_are_in_order(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person, provider: str
) -> None:
    hook = hook_of(alice, provider)
    sign_in(alice)

    path = f"/settings/provider-reports/{hook.id}"
    assert onlooker.look_at(path, f"reports {provider}") == []
    assert onlooker.look_at(f"{path}/remove", "reports remove") == []


def test_what_came_and_what_was_refused_is_in_order(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person
) -> None:
    refusal = "It came from another topic than the one that is entered here."
    hook = hook_of(
        alice, "ses", TOPIC, last_at=now() - timedelta(hours=2), taken=1_234_567, others=89,
        refused=3, refused_at=now(), refusal=refusal, confirmed_at=now(),
    )  # fmt: skip
    hook_of(alice, "sendgrid")
    hook_of(alice, "postmark", last_at=now(), taken=12)
    sign_in(alice)

    assert onlooker.look_at("/settings/provider-reports", "reports full") == []
    assert onlooker.look_at(f"/settings/provider-reports/{hook.id}", "reports used") == []


def test_the_address_copies_with_a_click(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person
) -> None:
    hook = hook_of(alice, "postmark")
    sign_in(alice)
    onlooker.page.goto(f"{onlooker.base_url}/settings/provider-reports/{hook.id}")

    button = onlooker.page.locator("button[data-copy]")
    assert button.get_attribute("data-copy") == onlooker.page.locator(".secret").inner_text()
    button.click()

    expect(button).to_contain_text("Copied")
