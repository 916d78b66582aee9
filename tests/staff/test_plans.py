"""Staff for billing sees plans and links to invoices, and gives what the audit explains."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from app.accounts.models import AuditEntry, Member
from app.billing.models import PlanGrant
from app.core.db import db, transaction
from app.staff.models import StaffAccess
from tests.billing.conftest import paying, payments, plan_now, plans
from tests.conftest import Client, Person
from tests.paymentserver import PaymentServer
from tests.staff.conftest import Look

__all__ = ["paying", "payments", "plans"]


def is_for(sam: Person, *purposes: str) -> None:
    with transaction():
        db.session.get_one(Member, sam.member.id).staff_roles = list(purposes)


def test_billing_sees_the_plan_and_the_invoices_and_no_more(
    staff: Client, sam: Person, alice: Person, look: Look, payments: PaymentServer,
    paying: dict[str, Any],
) -> None:  # fmt: skip
    is_for(sam, "billing")
    look("billing", "Invoice 7")
    at = f"/staff/accounts/{alice.account.id}/panels"

    page = staff.post(f"{at}/billing", follow_redirects=True).text

    assert "Plan: Small" in page
    assert "BAKE-" in page
    assert f"{payments.url}/invoice/in_" in page
    for other in ("campaigns", "contacts", "log"):
        assert staff.post(f"{at}/{other}").status_code == 403
    payments.is_down = True
    assert "cannot answer" in staff.get(f"{at}/billing").text


def test_a_plan_is_given_with_a_reason_and_taken_back(
    staff: Client, sam: Person, alice: Person, look: Look, plans: object
) -> None:
    is_for(sam, "billing")
    look("billing", "Letter of Alice")
    at = f"/staff/accounts/{alice.account.id}/plan"

    assert staff.post(at, data={"plan": "small"}).status_code == 422
    assert staff.post(at, data={"reason": "For nothing at all"}).status_code == 422
    assert staff.post(at, data={"plan": "golden", "reason": "They asked"}).status_code == 422
    given = {"plan": "small", "days": "30", "mails": "20", "reason": "They had a bad week"}
    assert staff.post(at, data=given).status_code == 303
    assert plan_now(alice.account) == "small"
    audit = db.session.scalar(sa.select(AuditEntry.about).where(AuditEntry.verb == "plan.grant"))
    assert audit == "plan small and 20 mails: They had a bad week"
    line = db.session.scalars(sa.select(StaffAccess).where(StaffAccess.verb == "do")).one()
    assert (line.kind, line.reference) == ("billing", "They had a bad week")

    grant = db.session.scalars(sa.select(PlanGrant)).one()
    assert staff.post(f"{at}/{grant.id}/end").status_code == 303
    assert plan_now(alice.account) == "free"
    assert staff.post(f"{at}/{grant.id}/end").status_code == 404


def test_who_is_there_for_something_else_gives_nothing(
    staff: Client, alice: Person, look: Look, plans: object
) -> None:
    look("support")

    given = {"plan": "small", "reason": "A friend of mine"}
    assert staff.post(f"/staff/accounts/{alice.account.id}/plan", data=given).status_code == 404
