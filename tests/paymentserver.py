"""A stand-in for Stripe on loopback: customers, checkouts, subscriptions, invoices, events.

It remembers what it was told, takes only the parameters that Stripe's API documents for a call
(version 2025-03-31.basil), repeats its answer to a repeated Idempotency-Key, and has the pages on
which people pay. Events are signed and sent as Stripe does, when a test or a page asks for it.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

KEY = "sk_test_a_key_of_the_tests"
SECRET = "whsec_of_the_tests"
PRICES = {"price_small": 900, "price_large": 4900}
A_MONTH_S = 30 * 86_400

#: What Stripe takes in these calls, as far as anybody here needs to know.
CUSTOMER = r"email|name|metadata\[\w+\]|invoice_settings\[custom_fields\](\[\d\]\[(name|value)\])?"
TAKES = {
    r"POST /v1/customers(/\w+)?": CUSTOMER,
    r"POST /v1/checkout/sessions": (
        r"mode|customer|client_reference_id|line_items\[\d\]\[(price|quantity)\]|success_url"
        r"|cancel_url|billing_address_collection|tax_id_collection\[enabled\]"
        r"|customer_update\[(address|name)\]|automatic_tax\[enabled\]"
    ),
    r"GET /v1/checkout/sessions/\w+": r"",
    r"POST /v1/checkout/sessions/\w+/expire": r"",
    r"POST /v1/billing_portal/sessions": r"customer|return_url",
    r"POST /v1/subscriptions/\w+": r"cancel_at_period_end",
    r"GET /v1/subscriptions": r"customer|status|limit",
    r"GET /v1/invoices": r"customer|limit",
    r"GET /v1/prices/\w+": r"",
}

Row = dict[str, Any]


class Refused(Exception):
    """An answer that is an error, in Stripe's shape."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class PaymentServer:
    """Runs from `with` to its end; `url` is its address, `is_down` makes every call fail."""

    def __init__(self, *, events_to: str = "", secret: str = SECRET) -> None:
        self.events_to, self.secret = events_to, secret
        self.is_down = False
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.customers: dict[str, Row] = {}
        self.sessions: dict[str, Row] = {}
        self.subscriptions: dict[str, Row] = {}
        self.bills: list[Row] = []
        self.repeats: dict[str, tuple[str, Row]] = {}
        self.answers: list[int] = []
        self._number = itertools.count(1)
        self._lock = threading.Lock()

    def __enter__(self) -> PaymentServer:
        self._http = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (Handler,), {"payments": self})
        )
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    # What tests do in the place of a customer, of time, or of a bank.

    def pay(self, session_ref: str) -> Row:
        """Somebody filled in the checkout."""
        session = self.sessions[session_ref]
        assert session["status"] == "open", "this page is over"
        session["status"] = "complete"
        made = self._subscribe(session["customer"], session["price"])
        self._bill(made, "paid")
        self.send("checkout.session.completed", session)
        self.send("customer.subscription.created", made)
        return made

    def fail(self, subscription: Row) -> None:
        """The card was refused when the time was up."""
        subscription["status"] = "past_due"
        self._bill(subscription, "open")
        self.send("invoice.payment_failed", self.bills[-1])

    def recover(self, subscription: Row) -> None:
        """Somebody entered another card."""
        subscription["status"] = "active"
        self.bills[-1]["status"] = "paid"
        self.send("invoice.paid", self.bills[-1])

    def switch(self, subscription: Row, price: str) -> None:
        """Another plan was chosen in the portal."""
        subscription["items"]["data"][0]["price"]["id"] = price
        self.send("customer.subscription.updated", subscription)

    def end(self, subscription: Row) -> None:
        """The time that was paid is over."""
        subscription["status"] = "canceled"
        self.send("customer.subscription.deleted", subscription)

    def send(self, kind: str, thing: Row) -> bytes:
        """An event about something; sent where there is somewhere to send it."""
        body = self.event(kind, thing)
        if self.events_to:
            self.deliver(body)
        return body

    def event(self, kind: str, thing: Row, *, live: bool = False) -> bytes:
        """As Stripe writes it."""
        event = {
            "id": f"evt_{next(self._number)}", "object": "event", "type": kind, "livemode": live,
            "created": int(time.time()), "data": {"object": thing},
        }  # fmt: skip
        return json.dumps(event).encode()

    def deliver(self, body: bytes) -> int:
        """The status with which it was answered."""
        request = urllib.request.Request(  # noqa: S310
            self.events_to, body, {"Stripe-Signature": signature(body, self.secret)}
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                self.answers.append(answer.status)
        except urllib.error.HTTPError as error:
            self.answers.append(error.code)
            error.close()
        return self.answers[-1]

    # The API.

    def answer(self, method: str, path: str, form: dict[str, str], key: str) -> Row:
        """One call."""
        self.calls.append((f"{method} {path}", form))
        if self.is_down:
            raise Refused(500, "An unknown error occurred")
        _check(method, path, form)
        with self._lock:
            if key:
                asked = json.dumps([path, form])
                before, answer = self.repeats.get(key, (asked, None))
                if before != asked:
                    raise Refused(400, "Keys for idempotent requests can only be used once")
                if answer is not None:
                    return answer
            made = self._act(method, path, form)
            if key:
                self.repeats[key] = (json.dumps([path, form]), made)
            return made

    def _act(self, method: str, path: str, form: dict[str, str]) -> Row:
        _, kind, *refs = path.strip("/").split("/")
        acts = {
            "POST customers": self._customer,
            "POST checkout": self._session,
            "GET checkout": lambda refs, form: self._known(self.sessions, refs[1]),
            "POST billing_portal": self._portal,
            "POST subscriptions": self._change,
            "GET subscriptions": lambda refs, form: self._of(
                form["customer"], list(self.subscriptions.values())[::-1]
            ),
            "GET invoices": lambda refs, form: self._of(form["customer"], self.bills[::-1]),
            "GET prices": lambda refs, form: self._price(refs[0]),
        }
        return acts[f"{method} {kind}"](refs, form)

    def _customer(self, refs: list[str], form: dict[str, str]) -> Row:
        if refs:
            self._known(self.customers, refs[0]).update(form)
            return self.customers[refs[0]]
        ref = f"cus_{next(self._number)}"
        self.customers[ref] = {"id": ref, "object": "customer", **form}
        return self.customers[ref]

    def _session(self, refs: list[str], form: dict[str, str]) -> Row:
        if len(refs) == 1:
            return self._checkout(form)
        session = self._known(self.sessions, refs[1])
        if session["status"] != "open":
            raise Refused(400, "Only Checkout Sessions with a status of open can expire")
        session["status"] = "expired"
        return session

    def _portal(self, refs: list[str], form: dict[str, str]) -> Row:
        self._known(self.customers, form["customer"])
        ref = f"bps_{next(self._number)}"
        self.sessions[ref] = {"id": ref, "back": form["return_url"], **form}
        return {"id": ref, "url": f"{self.url}/portal/{ref}"}

    def _change(self, refs: list[str], form: dict[str, str]) -> Row:
        found = self._known(self.subscriptions, refs[0])
        found["cancel_at_period_end"] = form["cancel_at_period_end"] == "true"
        self.send("customer.subscription.updated", found)
        return found

    def _price(self, ref: str) -> Row:
        if ref not in PRICES:
            raise Refused(404, f"No such price: '{ref}'")
        return {"id": ref, "active": True, "recurring": {"interval": "month"}}

    def _checkout(self, form: dict[str, str]) -> Row:
        self._known(self.customers, form["customer"])
        price = form["line_items[0][price]"]
        if price not in PRICES or form["mode"] != "subscription":
            raise Refused(400, f"No such price: '{price}'")
        ref = f"cs_test_{next(self._number)}"
        self.sessions[ref] = {
            "id": ref, "object": "checkout.session", "customer": form["customer"], "price": price,
            "status": "open", "url": f"{self.url}/pay/{ref}", "done": form["success_url"],
        }  # fmt: skip
        return self.sessions[ref]

    def _subscribe(self, customer: str, price: str) -> Row:
        ref = f"sub_{next(self._number)}"
        item = {"price": {"id": price}, "current_period_end": int(time.time()) + A_MONTH_S}
        self.subscriptions[ref] = {
            "id": ref, "object": "subscription", "customer": customer, "status": "active",
            "cancel_at_period_end": False, "cancel_at": None, "items": {"data": [item]},
        }  # fmt: skip
        return self.subscriptions[ref]

    def _bill(self, subscription: Row, status: str) -> None:
        number = next(self._number)
        price = subscription["items"]["data"][0]["price"]["id"]
        self.bills.append({
            "id": f"in_{number}", "object": "invoice", "number": f"BAKE-{number:04}",
            "customer": subscription["customer"], "status": status, "total": PRICES[price],
            "currency": "eur", "created": int(time.time()),
            "hosted_invoice_url": f"{self.url}/invoice/in_{number}",
            "invoice_pdf": f"{self.url}/invoice/in_{number}/pdf",
        })  # fmt: skip

    def _of(self, customer: str, rows: list[Row]) -> Row:
        self._known(self.customers, customer)
        data = [row for row in rows if row["customer"] == customer]
        return {"object": "list", "has_more": False, "data": data}

    def _known(self, rows: Mapping[str, Row], ref: str) -> Row:
        if ref not in rows:
            raise Refused(404, f"No such thing: '{ref}'")
        return rows[ref]


def signature(body: bytes, *secrets: str, at: float | None = None) -> str:
    """The header `Stripe-Signature`."""
    stamp = int(time.time() if at is None else at)
    signed = f"{stamp}.".encode() + body
    proofs = [hmac.new(one.encode(), signed, hashlib.sha256).hexdigest() for one in secrets]
    return ",".join([f"t={stamp}", *(f"v1={proof}" for proof in proofs), "v0=of-old-days"])


def _check(method: str, path: str, form: dict[str, str]) -> None:
    call = f"{method} {path}"
    takes = next((names for known, names in TAKES.items() if re.fullmatch(known, call)), None)
    if takes is None:
        raise Refused(404, f"Unrecognized request URL ({call})")
    for name in form:
        if not re.fullmatch(takes, name):
            raise Refused(400, f"Received unknown parameter: {name}")


class Handler(BaseHTTPRequestHandler):
    """The API, and the pages on which people pay."""

    protocol_version = "HTTP/1.1"
    payments: PaymentServer

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path.startswith("/v1/"):
            self._api("GET", dict(parse_qsl(url.query)))
        elif url.path.startswith("/pay/"):
            self._page("<h1>Pay</h1><form method=post><button>Pay now</button></form>")
        elif url.path.startswith("/portal/"):
            back = self.payments.sessions[url.path.split("/")[2]]["back"]
            self._page(f'<h1>Customer portal</h1><a href="{back}">Back</a>')
        else:
            self._page("<h1>An invoice</h1>")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if self.path.startswith("/pay/"):
            ref = self.path.split("/")[2]
            self.payments.pay(ref)
            self._send(303, b"", "text/html", {"Location": self.payments.sessions[ref]["done"]})
        else:
            self._api("POST", dict(parse_qsl(body, keep_blank_values=True)))

    def _api(self, method: str, form: dict[str, str]) -> None:
        try:
            if self.headers.get("Authorization") != f"Bearer {KEY}":
                raise Refused(401, "Invalid API Key provided")
            key = self.headers.get("Idempotency-Key", "")
            answer = self.payments.answer(method, urlsplit(self.path).path, form, key)
            status = 200
        except Refused as error:
            answer, status = {"error": {"message": str(error)}}, error.status
        self._send(status, json.dumps(answer).encode(), "application/json")

    def _page(self, html: str) -> None:
        self._send(200, f"<!doctype html><title>Pay</title>{html}".encode(), "text/html")

    def _send(
        self, status: int, body: bytes, kind: str, more: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, **(more or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Quiet."""
