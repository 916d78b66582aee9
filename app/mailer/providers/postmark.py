"""Postmark: one event a post, not signed; a user name and password in the address prove it.

https://postmarkapp.com/developer/webhooks/webhooks-overview
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from typing import Any

from app.mailer.dsn import Finding
from app.mailer.providers import common
from app.mailer.providers.common import Fetch, Posted, Refused, Told, a_dict, inner, text

USERNAME = "leadersend"
HARD = {"HardBounce", "BadEmailAddress"}
SOFT = {"Transient", "SoftBounce", "DnsError", "Unknown"}
SENDER = {"SpamNotification", "VirusNotification", "Blocked", "DMARCPolicy", "SMTPApiError",
          "TemplateRenderingFailed"}  # fmt: skip
#: Not sent, because somebody had the address switched off in Postmark.
SWITCHED_OFF = "ManuallyDeactivated"


def check(posted: Posted, key: str, *, at: datetime, fetch: Fetch) -> str:
    """What makes this report one of its kind. Raises Refused."""
    right = hmac.compare_digest(posted.password.encode(), key.encode())
    if posted.username != USERNAME or not right:
        words = "The user name or password was wrong: give Postmark the whole address from here."
        # Postmark takes a 403 for a wish never to be asked again.
        raise Refused(words, 401)
    return hashlib.sha256(posted.body).hexdigest()


def read(body: bytes) -> list[Told]:
    """The one event. Raises Refused."""
    event = a_dict(common.parse(body))
    record, kind = text(event.get("RecordType")), text(event.get("Type"))
    what = _what(record, kind, event)
    name = f"{record} {text(event.get('ID')) or text(event.get('MessageID'))}"
    token = text(inner(event, "Metadata").get(common.MARK))
    return [Told(what=what, name=name, token=token, finding=_finding(what, kind, event))]


def _what(record: str, kind: str, event: dict[str, Any]) -> str:
    if not record:
        raise common.malformed()
    if record == "Bounce":
        known = kind in HARD | SOFT | SENDER or kind == SWITCHED_OFF
        return "complained" if kind == "SpamComplaint" else "bounced" if known else "left"
    if record == "SubscriptionChange":
        by_person = text(event.get("Origin")) == "Recipient"
        manual = text(event.get("SuppressionReason")) == "ManualSuppression"
        leaves = event.get("SuppressSending") is True and by_person and manual
        return "unsubscribed" if leaves else "nothing"
    return {
        "Delivery": "delivered", "SpamComplaint": "complained", "Open": "left", "Click": "left",
    }.get(record, "nothing")  # fmt: skip


def _finding(what: str, kind: str, event: dict[str, Any]) -> Finding | None:
    address = text(event.get("Email"))
    if what == "complained":
        return common.complaint(address, "Reported as junk mail, says Postmark.")
    if what != "bounced":
        return None
    if kind == SWITCHED_OFF:
        said = "Postmark did not send it: the address is switched off there."
        return common.dropped(address, said, bounced_before=False)
    words = text(event.get("Details")) or text(event.get("Description"))
    return common.bounce(
        address, words,
        is_final=kind not in SOFT, says_mailbox=kind in HARD, says_sender=kind in SENDER,
    )  # fmt: skip
