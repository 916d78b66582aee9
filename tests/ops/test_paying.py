"""The doctor on plans and paying."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core import settings as process_settings
from app.ops import paying
from app.ops.paying import CannotPay
from tests.billing.conftest import payments, plans
from tests.paymentserver import PaymentServer

__all__ = ["payments", "plans"]


def test_what_keeps_plans_from_being_paid_is_named(payments: PaymentServer) -> None:
    config = replace(process_settings.get(), BASE_URL=payments.url)

    with pytest.raises(CannotPay, match="/payments/events answers 401"):
        paying.examine(config)
    with pytest.raises(CannotPay, match="STRIPE_WEBHOOK_SECRETS is not set"):
        paying.examine(replace(config, STRIPE_WEBHOOK_SECRETS=()))
    with pytest.raises(CannotPay, match="no recurring price for small, large"):
        paying.examine(replace(config, STRIPE_SECRET_KEY="sk_test_wrong"))
    with pytest.raises(CannotPay, match="none can be paid for"):
        paying.examine(replace(config, PLANS="/nowhere/plans.toml"))
    payments.is_down = True
    with pytest.raises(CannotPay, match="cannot answer"):
        paying.examine(config)


def test_without_keys_there_is_nothing_to_find(payments: PaymentServer) -> None:
    config = replace(process_settings.get(), STRIPE_SECRET_KEY="")

    assert "none of which can be paid for" in paying.examine(config)
    assert "nothing is limited" in paying.examine(replace(config, BILLING=False))
