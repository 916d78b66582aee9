"""Our calls fit Stripe's published description of its API, as stripe-mock checks it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator

import pytest
from flask import Flask

from app.billing.provider import Customer, PaymentsAway
from app.billing.stripe import Stripe
from tests.servers import free_port, wait_until


@pytest.fixture(scope="module")
def described() -> Iterator[str]:
    """stripe-mock: refuses what Stripe's OpenAPI document does not know; remembers nothing."""
    program = os.environ.get("STRIPE_MOCK") or shutil.which("stripe-mock")
    if program is None:
        pytest.skip("stripe-mock is not installed: go install github.com/stripe/stripe-mock@latest")
    port = free_port()
    process = subprocess.Popen(  # noqa: S603
        [program, "-http-addr", f"127.0.0.1:{port}", "-https-addr", f"127.0.0.1:{free_port()}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_until(lambda: _answers(port), what="stripe-mock")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def test_every_call_is_one_that_stripe_knows(app: Flask, described: str) -> None:
    stripe = Stripe("sk_test_123", described, has_tax=True)
    customer = Customer(7, "books@bakery.example", "Bakery", "PO 7")

    ref = stripe.new_customer(customer, "key-1")
    stripe.change_customer(ref, Customer(7, "books@bakery.example", "Bakery"))
    stripe.set_end("sub_1", ends=True)
    stripe.end_checkout("cs_test_1")
    assert stripe.is_open("cs_test_1") in (True, False)
    assert stripe.is_price("price_1")
    assert [paid.state for paid in stripe.subscriptions(ref)] == ["active"]
    assert stripe.subscriptions(ref)[0].period_ends_at is not None
    assert stripe.invoices(ref) == [], "the one it shows is a draft"
    back = "https://news.example.com/settings/billing"
    step = stripe.checkout(ref, 7, "price_1", done=back, back=back, key="key-2")
    assert step.url.startswith("https://checkout.stripe.com/")
    # It answers with an address of Stripe's developers, to which nobody is led.
    with pytest.raises(PaymentsAway, match="did not say where"):
        stripe.portal(ref, back=back)
