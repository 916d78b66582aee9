"""Whether plans can be paid for: asked of Stripe, and of our own address."""

from __future__ import annotations

import urllib.error
import urllib.request

from app.billing import provider
from app.config import Config
from app.core import settings as process_settings
from app.plans import catalogue

PATIENCE_S = 10


class CannotPay(Exception):
    """What is wrong, and what to do about it."""


def examine(config: Config) -> str:
    """Whether plans can be read, paid for, and whether the provider's events arrive.

    Raises CannotPay.
    """
    process_settings.configure(config)
    try:
        plans = catalogue.examine()
    except (catalogue.BadPlans, OSError) as error:
        raise CannotPay(f"the file of plans cannot be used: {error}") from None
    if not config.BILLING:
        return "nothing is limited and nothing is to pay"
    if not config.STRIPE_SECRET_KEY:
        return f"{len(plans)} plans, none of which can be paid for: STRIPE_SECRET_KEY is not set"
    if not config.STRIPE_WEBHOOK_SECRETS:
        raise CannotPay("STRIPE_WEBHOOK_SECRETS is not set: no event of Stripe can be proven")
    _ask_for_prices([plan for plan in plans.values() if plan.price_id])
    _knock(config)
    return f"Stripe answers and knows the price of each of {len(plans)} plans; events arrive here"


def _ask_for_prices(for_sale: list[catalogue.Plan]) -> None:
    if not for_sale:
        raise CannotPay("no plan has a price_id, so none can be paid for; see billing.md")
    payments = provider.get()
    try:
        missing = [plan.key for plan in for_sale if not payments.is_price(plan.price_id)]
    except provider.PaymentsAway as error:
        raise CannotPay(str(error)) from None
    if missing:
        raise CannotPay(
            f"Stripe has no recurring price for {', '.join(missing)}, or refuses the key"
        )


def _knock(config: Config) -> None:
    """An event that nobody signed must arrive, and be refused."""
    url = f"{config.BASE_URL}/payments/events"
    request = urllib.request.Request(url, b"{}", method="POST")  # noqa: S310  # our own address
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
            status = answer.status
    except urllib.error.HTTPError as error:
        error.close()
        status = error.code
    except OSError as error:
        raise CannotPay(f"{url} cannot be reached, so Stripe cannot either: {error}") from None
    if status != 400:
        raise CannotPay(
            f"{url} answers {status}; what stands in front of LeaderSend must let it through"
        )
