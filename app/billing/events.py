"""Events of the provider: proven, noted by number, and then a reason to ask what is so now."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult

from app.billing import provider, signatures
from app.billing.models import Contract, PaymentEvent
from app.billing.signatures import NotProven
from app.core import settings
from app.core.clock import now
from app.core.db import db, insert, transaction
from app.core.errors import NotFound

PATIENCE_S = 5.0
LONGEST_REF = 255


def receive(body: bytes, signature: str) -> bool:
    """Take an event; False where it came before. Raises NotFound, NotProven."""
    if not provider.is_set():
        raise NotFound("Paying")
    config = settings.get()
    signatures.check(body, signature, config.STRIPE_WEBHOOK_SECRETS, at=now())
    event = _read(body)
    is_test = config.STRIPE_SECRET_KEY.startswith(("sk_test_", "rk_test_"))
    if bool(event.get("livemode")) is is_test:
        raise NotProven("This event is of the other mode, test or live.")
    with transaction(patience_s=PATIENCE_S):
        return _keep(event)


def _read(body: bytes) -> dict[str, Any]:
    try:
        event = json.loads(body)
    except ValueError:
        event = None
    if not isinstance(event, dict) or event.get("object") != "event":
        raise NotProven("This is no event.")
    ref = event.get("id")
    if not isinstance(ref, str) or not 0 < len(ref) <= LONGEST_REF:
        raise NotProven("This event has no number.")
    return event


def _keep(event: dict[str, Any]) -> bool:
    """Its number, and whom to look at; what else it says is asked anew, and not kept."""
    customer_ref = _customer(event)
    is_ours = bool(customer_ref) and _is_known(customer_ref)
    row = insert(PaymentEvent).values(
        ref=event["id"], kind=str(event.get("type"))[:64], is_ours=is_ours, at=now()
    )
    kept = db.session.execute(row.on_conflict_do_nothing().returning(PaymentEvent.ref)).first()
    if kept is not None and is_ours:
        _look_at(customer_ref)
    return kept is not None


def _customer(event: dict[str, Any]) -> str:
    data = event.get("data")
    thing = data.get("object") if isinstance(data, dict) else None
    if not isinstance(thing, dict):
        return ""
    ref = thing.get("id") if thing.get("object") == "customer" else thing.get("customer")
    return ref if isinstance(ref, str) else ""


def _is_known(customer_ref: str) -> bool:
    found = sa.select(Contract.account_id).where(Contract.customer_ref == customer_ref)
    return db.session.scalar(found) is not None


def _look_at(customer_ref: str) -> None:
    db.session.execute(
        sa.update(Contract)
        .where(Contract.customer_ref == customer_ref)
        .values(look_at=now())
        .execution_options(synchronize_session=False)
    )


def last_at() -> datetime | None:
    """When the last one came."""
    return db.session.scalar(sa.select(sa.func.max(PaymentEvent.at)))


def forget_old(before: datetime) -> int:
    """Numbers of events too old to be taken again."""
    gone = db.session.execute(sa.delete(PaymentEvent).where(PaymentEvent.at < before))
    return gone.rowcount if isinstance(gone, CursorResult) else 0
