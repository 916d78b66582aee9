"""The panel of letters: what an account's people asked, for support alone."""

from __future__ import annotations

from typing import Any

from app.accounts.models import Account
from app.desk import queries
from app.staff.panels import panel


@panel("tickets", "Letters", "staff/panels/_tickets.html", icon="inbox")
def tickets(account: Account) -> dict[str, Any]:
    return {"tickets": queries.of_account(account.id, limit=20)}
