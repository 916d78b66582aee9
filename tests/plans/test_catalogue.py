"""What the operator may write into the file of plans, and for whom it holds."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from app.config import Config, load
from app.core import settings as process_settings
from app.core.db import transaction
from app.plans.catalogue import BadPlans, catalogue, parse, plan_of
from tests.billing.conftest import plans
from tests.conftest import Person

__all__ = ["plans"]


def test_without_keys_for_paying_nothing_is_limited(app: Flask, alice: Person) -> None:
    assert plan_of(alice.account).is_unlimited


def test_keys_for_paying_switch_plans_on_and_a_word_switches_them_off(tmp_path: Path) -> None:
    home = {"LEADERSEND_HOME": str(tmp_path), "STRIPE_SECRET_KEY": "sk_test_x"}

    assert load(home).BILLING
    assert not load({**home, "BILLING": "off"}).BILLING
    assert load({**home, "STRIPE_WEBHOOK_SECRETS": "a, b"}).STRIPE_WEBHOOK_SECRETS == ("a", "b")
    assert "sk_test_x" not in str(load(home).masked())


def test_whom_the_operator_vouches_for_is_not_limited(plans: Config, alice: Person) -> None:
    assert plan_of(alice.account).mails == 5
    with transaction():
        alice.account.vouched = True

    assert plan_of(alice.account).is_unlimited


def test_the_file_is_read_again_when_it_changes_and_a_slip_changes_nothing(
    plans: Config, alice: Person
) -> None:
    path = Path(plans.PLANS)

    path.write_text("[free]\nmails = 7\n")
    os.utime(path, ns=(1, 10**18))
    assert plan_of(alice.account).mails == 7

    path.write_text("[free]\nmails = 'seven'\n")
    os.utime(path, ns=(1, 2 * 10**18))
    assert plan_of(alice.account).mails == 7


def test_who_has_a_plan_that_is_gone_has_the_first(plans: Config, alice: Person) -> None:
    with transaction():
        alice.account.plan = "of-old-days"

    assert plan_of(alice.account).key == "free"


def test_what_stands_in_the_package_can_be_used(app: Flask, settings: Config) -> None:
    process_settings.configure(replace(settings, PLANS="/nowhere/plans.toml"))

    assert list(catalogue()) == ["free", "small", "large"]
    process_settings.configure(settings)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no plan"),
        ("free = 1", "begin one with"),
        ("[free]\nmails = 0", "from 1"),
        ("[free]\nmails = true", "from 1"),
        ("[free]\nemails = 5", "emails is not known"),
        ("[free]\nprice_id = 'p'", "begins with"),
        ("[free]\n[a]\nprice_id = 'p'\n[b]\nprice_id = 'p'", "same price_id"),
        ("[free]\nname = 5", "must be a text"),
        ("[fr ee", "no TOML"),
    ],
)
def test_a_slip_in_the_file_is_named(text: str, words: str) -> None:
    with pytest.raises(BadPlans, match=words):
        parse(text)
