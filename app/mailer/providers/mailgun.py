"""Mailgun: JSON that carries its own signature, one event a post.

https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/
The signature covers a timestamp and a random token, not the event: each token is good once.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from typing import Any

from app.mailer.dsn import Finding
from app.mailer.providers import common
from app.mailer.providers.common import Fetch, Posted, Refused, Told, a_dict, inner, text

WHAT = {
    "delivered": "delivered", "complained": "complained", "unsubscribed": "unsubscribed",
    "accepted": "left", "opened": "left", "clicked": "left", "rejected": "bounced",
}  # fmt: skip
#: Why Mailgun did not even try.
LISTS = ("suppress-bounce", "suppress-complaint", "suppress-unsubscribe")


def check(posted: Posted, key: str, *, at: datetime, fetch: Fetch) -> str:
    """What makes this report one of its kind. Raises Refused."""
    signature = inner(a_dict(common.parse(posted.body)), "signature")
    timestamp, token = text(signature.get("timestamp")), text(signature.get("token"))
    # Events of a subaccount are also signed with the key of the main one.
    given = [text(signature.get(name)).lower() for name in ("signature", "parent-signature")]
    if not timestamp or not token or not given[0]:
        raise Refused("It was not signed.")
    right = hmac.new(key.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    if not any(hmac.compare_digest(right.encode(), one.encode()) for one in given):
        raise Refused("The signature is wrong: it was made with another signing key.")
    common.demand_fresh(common.from_seconds(timestamp), at)
    return token


def read(body: bytes) -> list[Told]:
    """The one event. Raises Refused."""
    event = a_dict(a_dict(common.parse(body)).get("event-data"))
    kind = text(event.get("event"))
    what = WHAT.get(kind, "nothing")
    if kind == "failed":
        # What failed for now Mailgun tries again by itself.
        what = "bounced" if text(event.get("severity")) == "permanent" else "left"
    message_id = text(inner(inner(event, "message"), "headers").get("message-id"))
    variables = inner(event, "user-variables")
    return [
        Told(
            what=what, name=text(event.get("id")) or message_id + kind, marks=(message_id,),
            token=text(variables.get(common.MARK)), finding=_finding(what, kind, event),
        )
    ]  # fmt: skip


def _finding(what: str, kind: str, event: dict[str, Any]) -> Finding | None:
    address = text(event.get("recipient"))
    if what == "complained":
        return common.complaint(address, "Reported as junk mail, says Mailgun.")
    if what != "bounced":
        return None
    reason = text(event.get("reason"))
    if kind == "rejected" or reason in LISTS:
        words = text(inner(event, "reject").get("reason")) or reason
        words = f"Mailgun did not send it: {words or 'no reason was given'}"
        return common.dropped(address, words, bounced_before=reason == "suppress-bounce")
    status = inner(event, "delivery-status")
    said = text(status.get("message")) or text(status.get("description"))
    code = text(status.get("code"))
    words = said if said.startswith(code) else f"{code} {said}".strip()
    return common.bounce(address, words, status=text(status.get("enhanced-code")))
