"""SendGrid: arrays of events, signed with ECDSA over a timestamp and the bytes of the body.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.mailer.dsn import Finding
from app.mailer.providers import common
from app.mailer.providers.common import Fetch, Posted, Refused, Told, a_dict, text

WHAT = {
    "processed": "left", "deferred": "left", "open": "left", "click": "left",
    "delivered": "delivered", "bounce": "bounced", "dropped": "bounced",
    "spamreport": "complained", "unsubscribe": "unsubscribed", "group_unsubscribe": "unsubscribed",
}  # fmt: skip
#: Several times what fits into a real report: empty ones would keep others' waiting.
MOST_EVENTS = 10_000
SIGNATURE = "x-twilio-email-event-webhook-signature"
TIMESTAMP = "x-twilio-email-event-webhook-timestamp"


class BadKey(ValueError):
    """Not the verification key."""


def public_key(text_of_key: str) -> ec.EllipticCurvePublicKey:
    """The verification key as the console shows it, with or without PEM lines. Raises BadKey."""
    bare = re.sub(r"-----[A-Z ]+-----|\s", "", text_of_key)
    try:
        key = serialization.load_der_public_key(base64.b64decode(bare, validate=True))
    except ValueError:
        raise BadKey from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise BadKey
    return key


def check(posted: Posted, key: str, *, at: datetime, fetch: Fetch) -> str:
    """What makes this report one of its kind. Raises Refused."""
    timestamp, given = posted.headers.get(TIMESTAMP, ""), posted.headers.get(SIGNATURE, "")
    if not timestamp or not given:
        raise Refused("It was not signed: switch Signed Event Webhook on.")
    signed = timestamp.encode() + posted.body
    try:
        signature = base64.b64decode(given, validate=True)
        public_key(key).verify(signature, signed, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, binascii.Error, ValueError):
        raise Refused("The signature is wrong: it does not fit the verification key.") from None
    common.demand_fresh(common.from_seconds(timestamp), at)
    return hashlib.sha256(signed).hexdigest()


def read(body: bytes) -> list[Told]:
    """All events of the array. Raises Refused."""
    events = common.parse(body)
    if not isinstance(events, list):
        raise common.malformed()
    if len(events) > MOST_EVENTS:
        raise Refused(f"It has more than {MOST_EVENTS:,} events.", 400)
    return [_told(a_dict(event)) for event in events]


def _told(event: dict[str, Any]) -> Told:
    kind = text(event.get("event"))
    what = WHAT.get(kind, "nothing")
    message_id = text(event.get("smtp-id"))
    return Told(
        what=what, name=text(event.get("sg_event_id")) or message_id + kind, marks=(message_id,),
        token=text(event.get(common.MARK)), finding=_finding(what, kind, event),
    )  # fmt: skip


def _finding(what: str, kind: str, event: dict[str, Any]) -> Finding | None:
    address, reason = text(event.get("email")), text(event.get("reason"))
    if what == "complained":
        return common.complaint(address, "Reported as junk mail, says SendGrid.")
    if what != "bounced":
        return None
    if kind == "dropped":
        words = f"SendGrid did not send it: {reason or 'no reason was given'}"
        before = reason.lower() in ("bounced address", "invalid")
        return common.dropped(address, words, bounced_before=before)
    # "blocked" is what SendGrid itself does not take for the end of an address.
    return common.bounce(
        address, reason, status=text(event.get("status")),
        is_final=text(event.get("type")) != "blocked",
        says_mailbox=text(event.get("bounce_classification")).lower() == "invalid address",
    )  # fmt: skip
