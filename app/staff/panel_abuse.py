"""The abuse desk's panel of an account: what came of its mail, and what was decided about it."""

from __future__ import annotations

from typing import Any

from app.accounts import ladder
from app.accounts.models import Account
from app.contacts import vetting
from app.staff.panels import panel
from app.trust import reporting, suspending


@panel("abuse", "Abuse", "staff/panels/_abuse.html", icon="shield")
def abuse(account: Account) -> dict[str, Any]:
    return {
        "in_force": suspending.in_force(account),
        "appeals": suspending.appeals_of(account),
        "reports": reporting.reports_of(account),
        "results": reporting.campaigns_of(account),
        "files": vetting.of_account(account),
        "limits": ladder.limits(account),
        "moves": ladder.moves(account.id),
        "steps": ladder.STEPS,
        "kinds": reporting.KINDS,
        "titles": suspending.FOR_STAFF,
    }
