"""HTTP of plans and paying: your limits, the way to the provider and back, its events."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts import ladder, rights
from app.auth import throttling
from app.auth.current import current_account, current_member, needs, public
from app.billing import contracts, events, provider, standing, usage
from app.billing.forms import ContactForm
from app.billing.provider import PaymentsAway, PaymentsRefused
from app.billing.signatures import NotProven
from app.campaigns import limits
from app.core.db import db, transaction
from app.core.errors import Invalid, NotFound
from app.core.fragments import see_other
from app.core.headers import CSP
from app.extensions import csrf, limiter
from app.plans import allowance
from app.plans.catalogue import catalogue, for_sale, plan_of, rank
from app.staff.purposes import KINDS, PURPOSES

bp = Blueprint("billing", __name__)

bp.add_app_template_global(provider.is_set, "can_pay")

CHECKOUTS = "20/hour;60/day"
EVENTS = "600/minute"
WRONG_EVENTS = "60/minute"


@bp.get("/settings/limits")
def limits_page() -> ResponseReturnValue:
    account = current_account()
    month = allowance.month_of()
    uses = usage.of(account)
    return render_template(
        "billing/limits.html",
        plan=plan_of(account),
        uses=uses,
        month=f"{month:%B}",
        again=allowance.day(allowance.next_month(month)),
        grace_until=usage.grace_until(account, uses),
        waiting=usage.waiting(account),
        counts=limits.COUNTS,
        counts_not=limits.COUNTS_NOT,
        is_billing=provider.is_set(),
        extra=allowance.used(account)[1],
        ladder=ladder.limits(account),
        roles=rights.ROLES,
        purposes=PURPOSES,
        kinds=KINDS,
    )


@bp.get("/settings/billing")
@needs("billing")
def page() -> ResponseReturnValue:
    return _page()


@bp.get("/settings/billing/invoices")
@needs("billing")
def invoices() -> ResponseReturnValue:
    """Asked of the provider, apart from the page that it stands on."""
    contract = contracts.of(current_account())
    ref = contract.customer_ref if contract else None
    db.session.rollback()
    found, problem = [], ""
    try:
        found = list(provider.get().invoices(ref)) if ref else []
    except (PaymentsAway, PaymentsRefused) as error:
        problem = str(error)
    return render_template("billing/_invoices.html", invoices=found, problem=problem)


@bp.post("/settings/billing/contact")
@needs("billing")
def set_contact() -> ResponseReturnValue:
    _demand_billing()
    form = ContactForm()
    if not form.validate():
        return _page(form, 422)
    account = current_account()
    try:
        with transaction():
            contracts.set_contact(
                account, current_member(), email=form.email.data or "", name=form.name.data or "",
                reference=form.reference.data or "",
            )  # fmt: skip
    except Invalid as error:
        form.email.errors = error.errors.get("email", [str(error)])
        return _page(form, 422)
    try:
        contracts.tell_contact(account)
    except (PaymentsAway, PaymentsRefused) as error:
        words = f"Kept here. {error} Save it again later, so that invoices carry it."
        return see_other("billing.page", notice=words)
    return see_other("billing.page", notice="Saved.")


@bp.get("/settings/billing/leave")
@needs("billing")
def leave() -> ResponseReturnValue:
    """Where somebody is about to be led, before they are."""
    payments = provider.get()
    key = request.args.get("plan", "")
    plan = contracts.buyable(key) if key else None
    contract = contracts.of(current_account())
    if plan is not None and contracts.is_live(contract):
        plan = None  # what is paid for already is changed in the portal
    response = make_response(
        render_template(
            "billing/leave.html", payments=payments, plan=plan,
            customer=contracts.customer_of(current_account(), contract),
        )
    )  # fmt: skip
    policy = CSP.replace("form-action 'self'", f"form-action 'self' {payments.form_targets}")
    response.headers["Content-Security-Policy"] = policy
    return response


@bp.post("/settings/billing/checkout")
@needs("billing")
@limiter.limit(CHECKOUTS, key_func=throttling.network)
def checkout() -> ResponseReturnValue:
    step = contracts.begin_checkout(
        current_account(), current_member(), request.form.get("plan", "")
    )
    return _led_to(step.url)


@bp.post("/settings/billing/portal")
@needs("billing")
@limiter.limit(CHECKOUTS, key_func=throttling.network)
def portal() -> ResponseReturnValue:
    return _led_to(contracts.open_portal(current_account()).url)


@bp.get("/settings/billing/cancel")
@needs("billing")
def cancel_page() -> ResponseReturnValue:
    contract = contracts.of(current_account())
    if not contracts.is_live(contract):
        raise NotFound("Anything that is paid for")
    first = next(iter(catalogue().values()))
    uses = usage.of(current_account())
    after = [(use, first.limit(use.what)) for use in uses if first.limit(use.what) is not None]
    return render_template(
        "billing/cancel.html", contract=contract, plan=plan_of(current_account()), first=first,
        after=after, days=allowance.GRACE.days, until=usage.grace_until(current_account(), uses),
    )  # fmt: skip


@bp.post("/settings/billing/cancel")
@needs("billing")
def cancel() -> ResponseReturnValue:
    contracts.set_end(current_account(), current_member(), ends=True)
    notice = "Cancelled. Your plan stays until the end of the time that is paid."
    return see_other("billing.page", notice=notice)


@bp.post("/settings/billing/keep")
@needs("billing")
def keep() -> ResponseReturnValue:
    contracts.set_end(current_account(), current_member(), ends=False)
    return see_other("billing.page", notice="Your plan goes on.")


def _take_event() -> Response:
    """What the payment provider tells; 200 once it is noted. Errors stand in its own log."""
    try:
        is_new = events.receive(request.get_data(), request.headers.get("Stripe-Signature", ""))
    except (NotFound, NotProven) as error:
        return Response(f"{error}\n", error.status, mimetype="text/plain")
    return Response("Taken.\n" if is_new else "Known already.\n", mimetype="text/plain")


def _page(form: ContactForm | None = None, status: int = 200) -> ResponseReturnValue:
    _demand_billing()
    account = current_account()
    contract = contracts.of(account)
    plan = plan_of(account)
    return render_template(
        "billing/billing.html",
        contract=contract,
        is_live=contracts.is_live(contract),
        is_waiting=_is_waiting(),
        is_failing=contract is not None and contract.state in standing.FAILING,
        failing_until=standing.paid_until(contract) if contract else None,
        form=form or ContactForm(obj=contract),
        plan=plan,
        plans=[(one, rank(one.key) > rank(plan.key)) for one in catalogue().values()],
        for_sale={one.key for one in for_sale()},
        payments=provider.get(),
        uses=usage.of(account),
    ), status


def _is_waiting() -> bool:
    """Somebody comes back from paying, and the provider has not told us yet."""
    key = request.args.get("paid", "")
    contract = contracts.of(current_account())
    return bool(key) and contract is not None and contract.checkout_at is not None


def _demand_billing() -> None:
    if not provider.is_set():
        raise NotFound("Paying")


def _led_to(url: str) -> Response:
    response = make_response("", 303)
    response.headers["Location"] = url
    return response


@bp.get("/settings/billing/state")
@needs("billing")
def state() -> ResponseReturnValue:
    """Asked again and again by whoever comes back from paying."""
    _demand_billing()
    contract = contracts.of(current_account())
    if contract is not None and contract.checkout_at is None:
        response = make_response("")
        response.headers["HX-Redirect"] = url_for("billing.page")
        return response
    return render_template("billing/_state.html")


def _open_to_the_provider(view: Callable[[], Response]) -> Callable[[], Response]:
    """No cookie is read and no token asked for: the signature proves it."""
    limited = limiter.limit(EVENTS, key_func=throttling.network, scope="payment events")(view)
    limited = limiter.limit(
        WRONG_EVENTS, key_func=throttling.network, scope="wrong payment events",
        deduct_when=lambda response: 400 <= response.status_code < 500,
    )(limited)  # fmt: skip
    marked: Callable[[], Response] = csrf.exempt(public(limited))
    return marked


bp.post("/payments/events", endpoint="take_event")(_open_to_the_provider(_take_event))
