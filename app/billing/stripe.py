"""Stripe's API, as much of it as is needed: nine calls, each a form and a JSON answer.

Shapes: https://docs.stripe.com/api, version 2025-03-31.basil. A call that was repeated after a
lost answer carries the same Idempotency-Key, so that nothing is made twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from app.billing.provider import (
    Customer,
    Invoice,
    Paid,
    PaymentsAway,
    PaymentsRefused,
    Step,
)
from app.core import integrations, settings

if TYPE_CHECKING:
    import urllib3

VERSION = "2025-03-31.basil"
CONNECT_S, READ_S = 5.0, 15.0
LARGEST = 2_000_000
AT_MOST = 24
#: Amounts in these have no hundredths: https://docs.stripe.com/currencies#zero-decimal
WITHOUT_HUNDREDTHS = frozenset(
    {
        "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga",
        "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf",
    }
)  # fmt: skip


class Stripe:
    """A provider.Provider."""

    name = "Stripe"

    def __init__(self, key: str, api: str, *, has_tax: bool) -> None:
        self._key, self._api, self._has_tax = key, api, has_tax
        self._is_real = (urlsplit(api).hostname or "").endswith("stripe.com")
        own = "" if self._is_real else f" {api}"
        self.form_targets = f"https://checkout.stripe.com https://billing.stripe.com{own}"
        listed = integrations.find("stripe")
        assert listed is not None  # noqa: S101  # it stands in the list
        host = listed.host if self._is_real else urlsplit(api).netloc
        self.service = replace(listed, host=host)

    def new_customer(self, customer: Customer, key: str) -> str:
        """Its reference; the same one for the same key."""
        return str(self._post("/v1/customers", _about(customer), key)["id"])

    def change_customer(self, ref: str, customer: Customer) -> None:
        """Tell what has changed about who pays."""
        self._post(f"/v1/customers/{_part(ref)}", _about(customer))

    def checkout(
        self, customer_ref: str, account_id: int, price_ref: str, *, done: str, back: str, key: str
    ) -> Step:
        """A page on which to pay for a price; it leads to `done`, or to `back`."""
        form = {
            "mode": "subscription",
            "customer": customer_ref,
            "client_reference_id": str(account_id),
            "line_items[0][price]": price_ref,
            "line_items[0][quantity]": "1",
            "success_url": done,
            "cancel_url": back,
            "billing_address_collection": "required",
            "tax_id_collection[enabled]": "true",
            "customer_update[address]": "auto",
            "customer_update[name]": "auto",
        }
        if self._has_tax:
            form["automatic_tax[enabled]"] = "true"
        return self._step(self._post("/v1/checkout/sessions", form, key))

    def is_open(self, ref: str) -> bool:
        """Whether a checkout that was begun can still be paid."""
        return self._ask("GET", f"/v1/checkout/sessions/{_part(ref)}").get("status") == "open"

    def end_checkout(self, ref: str) -> None:
        """Let a checkout that was begun die, where it still lives."""
        self._post(f"/v1/checkout/sessions/{_part(ref)}/expire", {})

    def portal(self, customer_ref: str, *, back: str) -> Step:
        """A page on which to change the card, the plan, the address and tax numbers."""
        form = {"customer": customer_ref, "return_url": back}
        return self._step(self._post("/v1/billing_portal/sessions", form))

    def subscriptions(self, customer_ref: str) -> Sequence[Paid]:
        """All that a customer ever paid for, newest first."""
        asked = {"customer": customer_ref, "status": "all", "limit": str(AT_MOST)}
        return [_paid(row) for row in self._list("/v1/subscriptions", asked)]

    def set_end(self, subscription_ref: str, *, ends: bool) -> None:
        """Let it end with the time that is paid, or go on after all."""
        form = {"cancel_at_period_end": "true" if ends else "false"}
        self._post(f"/v1/subscriptions/{_part(subscription_ref)}", form)

    def invoices(self, customer_ref: str) -> Sequence[Invoice]:
        """The newest ones; drafts are not finished and have no page."""
        asked = {"customer": customer_ref, "limit": str(AT_MOST)}
        rows = self._list("/v1/invoices", asked)
        return [self._invoice(row) for row in rows if row.get("status") != "draft"]

    def is_price(self, price_ref: str) -> bool:
        """Whether something can be had for that price, again and again."""
        try:
            price = self._ask("GET", f"/v1/prices/{_part(price_ref)}")
        except PaymentsRefused:
            return False
        return bool(price.get("active") and price.get("recurring"))

    def _invoice(self, row: Mapping[str, Any]) -> Invoice:
        return Invoice(
            number=str(row.get("number") or row.get("id")),
            at=_moment(row.get("created")) or datetime.now(UTC),
            amount=amount(int(row.get("total") or 0), str(row.get("currency") or "")),
            state=str(row.get("status") or ""),
            url=self._link(row.get("hosted_invoice_url")),
            pdf_url=self._link(row.get("invoice_pdf")),
        )

    def _link(self, url: object) -> str:
        """An address at the provider's; nothing for any other."""
        parts = urlsplit(str(url or ""))
        host = parts.hostname or ""
        good = parts.scheme == "https" and (host == "stripe.com" or host.endswith(".stripe.com"))
        own = not self._is_real and str(url).startswith(f"{self._api}/")
        return str(url) if good or own else ""

    def _step(self, answer: Mapping[str, Any]) -> Step:
        url = self._link(answer.get("url"))
        if not url:
            raise PaymentsAway("Stripe did not say where to pay. Nothing was changed.")
        return Step(str(answer["id"]), url)

    def _post(self, path: str, form: Mapping[str, str], key: str = "") -> dict[str, Any]:
        return self._ask("POST", path, form, key)

    def _list(self, path: str, asked: Mapping[str, str]) -> Sequence[Mapping[str, Any]]:
        rows = self._ask("GET", f"{path}?{urlencode(asked)}").get("data")
        return rows if isinstance(rows, list) else []

    def _ask(
        self, method: str, path: str, form: Mapping[str, str] | None = None, key: str = ""
    ) -> dict[str, Any]:
        import urllib3

        headers = {
            "Authorization": f"Bearer {self._key}",
            "Stripe-Version": VERSION,
            "User-Agent": "LeaderSend",
        }
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if key:
            headers["Idempotency-Key"] = key
        body = urlencode(form) if form is not None else None
        try:
            answer = _pool().request(
                method, self._api + path, body=body, headers=headers, preload_content=False,
                # Without a key, a second POST could do it twice.
                retries=_retries(is_safe=method == "GET" or bool(key)),
            )  # fmt: skip
            with answer:
                return _read(answer.status, answer.read(LARGEST))
        except urllib3.exceptions.HTTPError as error:
            kind = type(error).__name__
            raise PaymentsAway(
                f"Stripe does not answer ({kind}). Nothing was changed; try again in a minute."
            ) from None


def _read(status: int, body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if status >= 500 or status == 429 or not isinstance(answer, dict):
        raise PaymentsAway(f"Stripe cannot answer just now ({status}). Try again in a minute.")
    if status >= 400:
        error = answer.get("error")
        words = error.get("message") if isinstance(error, dict) else ""
        raise PaymentsRefused(f"Stripe refused it: {str(words or status)[:300]}")
    return answer


def _about(customer: Customer) -> dict[str, str]:
    form = {
        "email": customer.email,
        "name": customer.name,
        "metadata[account]": str(customer.account_id),
        "metadata[installation]": settings.get().BASE_URL,
    }
    if customer.reference:
        form["invoice_settings[custom_fields][0][name]"] = "Your reference"
        form["invoice_settings[custom_fields][0][value]"] = customer.reference
    else:
        form["invoice_settings[custom_fields]"] = ""
    return form


def _paid(row: Mapping[str, Any]) -> Paid:
    items = row.get("items")
    item = (items.get("data") or [{}])[0] if isinstance(items, dict) else {}
    price = item.get("price") or {}
    # It moved from the subscription to its items with 2025-03-31.
    period_end = item.get("current_period_end") or row.get("current_period_end")
    ends = row.get("cancel_at") or (period_end if row.get("cancel_at_period_end") else None)
    return Paid(
        ref=str(row["id"]),
        price_ref=str(price.get("id") or ""),
        state=str(row.get("status") or ""),
        period_ends_at=_moment(period_end),
        ends_at=_moment(ends),
    )


def amount(units: int, currency: str) -> str:
    """ "9.00 EUR", from the smallest units."""
    if currency.lower() in WITHOUT_HUNDREDTHS:
        return f"{units:,} {currency.upper()}"
    return f"{units / 100:,.2f} {currency.upper()}"


def _moment(seconds: object) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) else None


def _part(ref: str) -> str:
    return quote(ref, safe="")


@cache
def _pool() -> urllib3.PoolManager:
    import urllib3

    timeout = urllib3.Timeout(connect=CONNECT_S, read=READ_S)
    return urllib3.PoolManager(num_pools=2, maxsize=4, timeout=timeout)


def _retries(*, is_safe: bool) -> urllib3.Retry:
    import urllib3

    if not is_safe:
        return urllib3.Retry(total=0, redirect=0)
    return urllib3.Retry(
        total=2, redirect=0, allowed_methods=None, status_forcelist=(409, 500, 502, 503, 504),
        backoff_factor=0.3, raise_on_status=False,
    )  # fmt: skip
