"""Mail providers as seen from here: what each of them posts, after its documentation."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from werkzeug.test import TestResponse

from app.accounts import report_hooks
from app.accounts.models import ReportHook
from app.core.db import transaction
from app.core.tokens import Purpose, sign_for_address
from app.delivery.models import Delivery
from tests.amazon import HOST, TOPIC, Amazon
from tests.conftest import Client, Person

NEWS = ("bounced", "full", "blocked", "complained", "delivered", "waiting", "unsubscribed")
SAID = {
    "bounced": ("5.1.1", "550 5.1.1 <reader@example.com>: User unknown"),
    "full": ("5.2.2", "552 5.2.2 Mailbox full"),
    "blocked": ("5.7.1", "554 5.7.1 Client host blocked using Spamhaus"),
    "waiting": ("4.7.1", "450 4.7.1 Greylisted, try again later"),
}


def mark(delivery: Delivery) -> str:
    """What stands in headers made for a provider."""
    return sign_for_address(Purpose.MESSAGE, delivery.id)


def message_id(delivery: Delivery) -> str:
    return f"c{delivery.campaign_id}.{mark(delivery)}@mail.test"


def verp(delivery: Delivery) -> str:
    return f"b+{sign_for_address(Purpose.BOUNCE, delivery.id)}@mail.test"


@dataclass
class Post:
    """A request as a provider makes it."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def to(self, client: Client, url: str) -> TestResponse:
        path = urlsplit(url).path
        headers = {"Content-Type": "application/json", **self.headers}
        return client.post(path, data=self.body, headers=headers)


class Mailgun:
    name = "mailgun"
    key = "signing-key-of-the-tests-0123456789"

    def news(self, kind: str, delivery: Delivery, **more: Any) -> Any:
        event: dict[str, Any] = {
            "id": secrets.token_urlsafe(12), "timestamp": time.time(),
            "recipient": "reader@example.com", "user-variables": {},
            "message": {"headers": {"message-id": message_id(delivery), "subject": "Fresh bread"}},
            "event": {"bounced": "failed", "full": "failed", "blocked": "failed",
                      "waiting": "failed"}.get(kind, kind),
        }  # fmt: skip
        if kind in SAID:
            status, words = SAID[kind]
            event |= {
                "severity": "temporary" if kind == "waiting" else "permanent", "reason": "generic",
                "delivery-status": {"code": int(words[:3]), "message": words[4:],
                                    "description": "", "enhanced-code": status},
            }  # fmt: skip
        return {**event, **more}

    def post(self, news: Any, *, at: float | None = None, wrong: bool = False) -> Post:
        timestamp, token = str(int(at or time.time())), secrets.token_hex(25)
        made = hmac.new(self.key.encode(), f"{timestamp}{token}".encode(), hashlib.sha256)
        signature = {"timestamp": timestamp, "token": token,
                     "signature": "0" * 64 if wrong else made.hexdigest()}  # fmt: skip
        return Post(json.dumps({"signature": signature, "event-data": news}).encode())


class SendGrid:
    name = "sendgrid"

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        raw = self.private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.key = base64.b64encode(raw).decode()

    def news(self, kind: str, delivery: Delivery, **more: Any) -> Any:
        event = {
            "email": "reader@example.com", "timestamp": int(time.time()),
            "sg_event_id": secrets.token_urlsafe(16), "sg_message_id": "14c5d75ce93.0",
            "leadersend": mark(delivery), "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>",
            "event": {"bounced": "bounce", "full": "bounce", "blocked": "bounce",
                      "complained": "spamreport", "unsubscribed": "unsubscribe",
                      "waiting": "deferred"}.get(kind, kind),
        }  # fmt: skip
        if kind in SAID:
            status, words = SAID[kind]
            event |= {"status": status, "reason": words, "response": words,
                      "type": "blocked" if kind == "blocked" else "bounce"}  # fmt: skip
        return {**event, **more}

    def post(self, news: Any, *, at: float | None = None, wrong: bool = False) -> Post:
        timestamp = str(int(at or time.time()))
        body = json.dumps(news if isinstance(news, list) else [news]).encode()
        signed = timestamp.encode() + body + (b"!" if wrong else b"")
        made = self.private.sign(signed, ec.ECDSA(hashes.SHA256()))
        return Post(
            body,
            {"X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(made).decode(),
             "X-Twilio-Email-Event-Webhook-Timestamp": timestamp},
        )  # fmt: skip


class Postmark:
    name = "postmark"
    key = ""

    def news(self, kind: str, delivery: Delivery, **more: Any) -> Any:
        record = {"complained": "SpamComplaint", "delivered": "Delivery",
                  "unsubscribed": "SubscriptionChange"}.get(kind, "Bounce")  # fmt: skip
        event = {
            "RecordType": record, "ID": secrets.randbelow(1 << 40), "ServerID": 23,
            "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483", "Email": "reader@example.com",
            "MessageStream": "broadcast", "Metadata": {"leadersend": mark(delivery)},
        }  # fmt: skip
        if kind in SAID:
            kinds = {"bounced": "HardBounce", "full": "SoftBounce", "blocked": "Blocked",
                     "waiting": "AutoResponder"}  # fmt: skip
            event |= {"Type": kinds[kind], "Details": f"smtp;{SAID[kind][1]}"}
        if kind == "unsubscribed":
            event |= {"SuppressSending": True, "SuppressionReason": "ManualSuppression",
                      "Origin": "Recipient"}  # fmt: skip
        return {**event, **more}

    def post(self, news: Any, *, at: float | None = None, wrong: bool = False) -> Post:
        password = "wrong" if wrong else self.key
        given = base64.b64encode(f"leadersend:{password}".encode()).decode()
        return Post(json.dumps(news).encode(), {"Authorization": f"Basic {given}"})


class Ses:
    name = "ses"
    key = TOPIC

    def __init__(self, amazon: Amazon) -> None:
        self.amazon = amazon
        self.version = "2"

    def news(self, kind: str, delivery: Delivery, **more: Any) -> Any:
        names = {"complained": "Complaint", "delivered": "Delivery", "waiting": "DeliveryDelay",
                 "unsubscribed": "Subscription"}  # fmt: skip
        news: dict[str, Any] = {
            "notificationType": names.get(kind, "Bounce"),
            "mail": {"messageId": "0102", "source": verp(delivery),
                     "destination": ["reader@example.com"]},
        }  # fmt: skip
        person = {"emailAddress": "reader@example.com"}
        if kind in SAID and kind != "waiting":
            status, words = SAID[kind]
            person |= {"action": "failed", "status": status, "diagnosticCode": f"smtp; {words}"}
            news["bounce"] = {
                "bounceType": "Transient" if kind == "full" else "Permanent",
                "bounceSubType": "MailboxFull" if kind == "full" else "General",
                "bouncedRecipients": [person], "feedbackId": secrets.token_hex(8),
            }  # fmt: skip
        if kind == "complained":
            news["complaint"] = {"complainedRecipients": [person], "complaintFeedbackType": "abuse"}
        return {**news, **more}

    def post(self, news: Any, *, at: float | None = None, wrong: bool = False) -> Post:
        moment = datetime.fromtimestamp(at or time.time(), UTC)
        envelope = {
            "Type": "Notification", "MessageId": secrets.token_hex(16), "TopicArn": TOPIC,
            "Message": json.dumps(news),
            "Timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }  # fmt: skip
        made = self.amazon.sign(envelope, self.version)
        if wrong:
            made["Message"] = made["Message"].replace("Bounce", "Complaint") + " "
        return Post(json.dumps(made).encode(), {"Content-Type": "text/plain; charset=UTF-8"})

    def question(self, topic: str = TOPIC, kind: str = "SubscriptionConfirmation") -> Post:
        """Whether the subscription is wanted."""
        envelope = {
            "Type": kind, "MessageId": secrets.token_hex(16), "TopicArn": TOPIC, "Token": "2336",
            "Message": "You have chosen to subscribe to the topic.",
            "SubscribeURL": f"https://{HOST}/?Action=ConfirmSubscription"
            f"&TopicArn={quote(topic, safe='')}&Token=2336",
            "Timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }  # fmt: skip
        return Post(json.dumps(self.amazon.sign(envelope)).encode())


Reporter = Mailgun | SendGrid | Postmark | Ses


def hook_of(person: Person | None, reporter: Reporter) -> tuple[ReportHook, str]:
    """Set up as the owner does, or the operator; the address that the provider gets."""
    account, member = (person.account, person.member) if person else (None, None)
    with transaction():
        hook = report_hooks.make(account, member, provider=reporter.name, key=reporter.key)
    if isinstance(reporter, Postmark):
        reporter.key = report_hooks.key_of(hook)
    return hook, report_hooks.url(hook)
