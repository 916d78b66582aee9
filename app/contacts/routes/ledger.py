"""The record of consents: its state and verification, and evidence of one person."""

from __future__ import annotations

import json

import sqlalchemy as sa
from flask import Response, render_template
from flask.typing import ResponseReturnValue

from app.auth.current import current_account, needs
from app.contacts import chaining, evidence, queries, verifying
from app.contacts.models import Consent, ConsentCheck, ConsentSeal, Erasure
from app.contacts.routes.blueprint import bp
from app.core.db import db, transaction
from app.core.fragments import see_other


@bp.get("/settings/consents/record")
def ledger() -> ResponseReturnValue:
    return render_template("contacts/ledger.html", **_state())


@bp.get("/settings/consents/record/state")
def ledger_state() -> ResponseReturnValue:
    """Asked again and again while it is being verified."""
    return render_template("contacts/_ledger.html", **_state())


@bp.post("/settings/consents/record/verify")
def verify_ledger() -> ResponseReturnValue:
    """At once where that takes less than a second; else in the background."""
    account = current_account()
    chaining.seal(account.id, within_s=1.0)
    if _sealed(account.id) > verifying.AT_ONCE:
        with transaction():
            verifying.ask(account.id)
        return see_other("contacts.ledger", notice="We are verifying it now.", kind="info")
    problem = verifying.check(account.id).problem
    if problem:
        return see_other("contacts.ledger", notice=problem.words, kind="bad")
    return see_other("contacts.ledger", notice="Verified: everything is as it was sealed.")


def _state() -> dict[str, object]:
    account = current_account()
    erased = sa.select(sa.func.count()).where(Erasure.account_id == account.id)
    return {
        "head": chaining.head(account.id),
        "sealed": _sealed(account.id),
        "unsealed": _unsealed(account.id),
        "check": db.session.get(ConsentCheck, account.id),
        "erased": db.session.scalar(erased) or 0,
    }


def _sealed(account_id: int) -> int:
    query = sa.select(sa.func.sum(ConsentSeal.entries)).where(ConsentSeal.account_id == account_id)
    return int(db.session.scalar(query) or 0)


def _unsealed(account_id: int) -> int:
    """Up to a thousand are counted: the tick takes no longer."""
    head = chaining.head(account_id)
    some = (
        sa.select(Consent.id)
        .where(Consent.account_id == account_id, Consent.id > (head.last_id if head else 0))
        .limit(1000)
        .subquery()
    )
    return db.session.scalar(sa.select(sa.func.count()).select_from(some)) or 0


@bp.get("/contacts/<int:contact_id>/evidence.pdf")
@needs("contacts.export")
def evidence_pdf(contact_id: int) -> ResponseReturnValue:
    account = current_account()
    found = evidence.of(account, queries.contact(account, contact_id))
    # With what it draws letters by it takes 50 MB, of each process that loads it.
    from app.contacts import paper

    return _download(paper.pdf(found), "application/pdf", f"consent-{contact_id}.pdf")


@bp.get("/contacts/<int:contact_id>/evidence.json")
@needs("contacts.export")
def evidence_json(contact_id: int) -> ResponseReturnValue:
    account = current_account()
    found = evidence.of(account, queries.contact(account, contact_id))
    content = json.dumps(found, ensure_ascii=False, indent=2).encode()
    return _download(content, "application/json", f"consent-{contact_id}.json")


def _download(content: bytes, kind: str, filename: str) -> Response:
    response = Response(content, content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    response.headers["Cache-Control"] = "no-store"
    return response
