"""What we ask of whoever takes the payments: people pay there, and we hold references alone.

One implementation, `stripe.Stripe`. No call is made inside a transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.core import settings
from app.core.errors import DomainError, NotFound
from app.core.integrations import Integration


class PaymentsAway(DomainError):
    """The provider does not answer, or not in a way that can be read."""

    status = 503


class PaymentsRefused(DomainError):
    """The provider answered, and said no."""

    status = 502


@dataclass(frozen=True)
class Step:
    """A page of the provider's to which somebody is sent on."""

    ref: str
    url: str


@dataclass(frozen=True)
class Paid:
    """What a customer pays for at this moment; `state` is the provider's word."""

    ref: str
    price_ref: str
    state: str
    period_ends_at: datetime | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True)
class Invoice:
    """An invoice as the provider lists it; `url` is its page there."""

    number: str
    at: datetime
    amount: str
    state: str
    url: str
    pdf_url: str


@dataclass(frozen=True)
class Customer:
    """What the provider is told about who pays."""

    account_id: int
    email: str
    name: str
    reference: str = ""


class Provider(Protocol):
    """Every call raises PaymentsAway or PaymentsRefused."""

    name: str
    service: Integration
    """Where people pay, what it gets to know, and its policy."""
    form_targets: str
    """Origins that a form may lead to, for the Content-Security-Policy."""

    def new_customer(self, customer: Customer, key: str) -> str:
        """Its reference; the same one for the same key."""

    def change_customer(self, ref: str, customer: Customer) -> None:
        """Tell what has changed about who pays."""

    def checkout(
        self, customer_ref: str, account_id: int, price_ref: str, *, done: str, back: str, key: str
    ) -> Step:
        """A page on which to pay for a price; it leads to `done`, or to `back`."""

    def is_open(self, ref: str) -> bool:
        """Whether a checkout that was begun can still be paid."""

    def end_checkout(self, ref: str) -> None:
        """Let a checkout that was begun die, where it still lives."""

    def portal(self, customer_ref: str, *, back: str) -> Step:
        """A page on which to change the card, the plan, the address and tax numbers."""

    def subscriptions(self, customer_ref: str) -> Sequence[Paid]:
        """All that a customer ever paid for, newest first."""

    def set_end(self, subscription_ref: str, *, ends: bool) -> None:
        """Let it end with the time that is paid, or go on after all."""

    def invoices(self, customer_ref: str) -> Sequence[Invoice]:
        """The newest ones."""

    def is_price(self, price_ref: str) -> bool:
        """Whether something can be had for that price, again and again."""


def is_set() -> bool:
    """Whether plans can be paid for."""
    return settings.get().BILLING and bool(settings.get().STRIPE_SECRET_KEY)


def get() -> Provider:
    """The provider that is set up. Raises NotFound where there is none."""
    if not is_set():
        raise NotFound("Paying")
    from app.billing.stripe import Stripe

    config = settings.get()
    return Stripe(config.STRIPE_SECRET_KEY, config.STRIPE_API, has_tax=config.STRIPE_TAX)
