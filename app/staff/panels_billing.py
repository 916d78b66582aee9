"""The panel of plans and invoices: references and links, nothing of contacts or campaigns."""

from __future__ import annotations

from typing import Any

from app.accounts.models import Account
from app.billing import contracts, provider, standing, usage
from app.billing.provider import Invoice, PaymentsAway, PaymentsRefused
from app.core.db import db
from app.plans.catalogue import catalogue, plan_of
from app.staff.panels import panel


@panel("billing", "Plan and invoices", "staff/panels/_billing.html", icon="receipt-text")
def billing(account: Account) -> dict[str, Any]:
    invoices, problem = _invoices(account)
    return {
        "plan": plan_of(account),
        "uses": usage.of(account),
        "contract": contracts.of(account),
        "grants": [(one, standing.is_running(one)) for one in standing.grants(account.id)],
        "plans": list(catalogue().values()),
        "invoices": invoices,
        "problem": problem,
    }


def _invoices(account: Account) -> tuple[list[Invoice], str]:
    contract = contracts.of(account)
    ref = contract.customer_ref if contract else None
    if not ref or not provider.is_set():
        return [], ""
    db.session.rollback()  # no transaction is open while we wait for a network
    try:
        return list(provider.get().invoices(ref)), ""
    except (PaymentsAway, PaymentsRefused) as error:
        return [], str(error)
