"""Who changed what, and whether the log is as it was written."""

from __future__ import annotations

from datetime import date

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.accounts import auditing, queries
from app.accounts.routes.blueprint import bp
from app.auth.current import current_account, needs
from app.contacts.rows import as_csv
from app.core import books, chaining
from app.core.db import transaction
from app.core.fragments import csv_answer, see_other


@bp.get("/settings/audit")
@needs("people")
def audit() -> ResponseReturnValue:
    account, wanted = current_account(), _wanted()
    return render_template(
        "accounts/audit.html",
        page=queries.audit(account, wanted, request.args.get("cursor")),
        wanted=wanted,
        words=auditing.WORDS,
        kinds=auditing.KINDS,
        people=queries.acted(account),
        head=chaining.head(auditing.CHAIN, account.id),
    )


@bp.get("/settings/audit.csv")
@needs("people")
def audit_csv() -> ResponseReturnValue:
    """All that fits what was asked for, oldest first, with the hashes that chain it."""
    rows = queries.audit_rows(current_account(), _wanted())
    return csv_answer((as_csv([row]) for row in rows), "audit.csv")


@bp.post("/settings/audit/verify")
@needs("people")
def verify_audit() -> ResponseReturnValue:
    """Now, as far as some seconds go; the tick does the rest of a very long one."""
    account = current_account()
    with transaction():
        chaining.link_up(auditing.CHAIN, account.id)
    head = books.check(auditing.CHAIN, account.id, limit=books.AT_A_CLICK)
    if head and head.problem:
        return see_other("accounts.audit", notice=head.problem, kind="bad")
    if head and head.walked:
        words = "We are verifying it. It is long, so look again in a minute."
        return see_other("accounts.audit", notice=words, kind="info")
    return see_other("accounts.audit", notice="Verified: nothing was altered.")


def _wanted() -> queries.AuditWanted:
    """From the address; what makes no sense is left out."""
    kind = request.args.get("kind", "")
    return queries.AuditWanted(
        member=request.args.get("who", type=int),
        kind=kind if kind in auditing.KINDS else "",
        since=request.args.get("since", type=date.fromisoformat),
        until=request.args.get("until", type=date.fromisoformat),
    )
