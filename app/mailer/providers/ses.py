"""Amazon SES, by way of a topic of SNS, which signs what it posts with a certificate of its own.

https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html and, for the signature,
https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

from __future__ import annotations

import base64
import itertools
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from app.mailer.dsn import Finding
from app.mailer.providers import common
from app.mailer.providers.common import Fetch, Posted, Refused, Told, a_dict, inner, text

TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]{3,30}:\d{12}:[A-Za-z0-9_.-]{1,256}")
HOST = re.compile(r"sns\.[a-z0-9-]{3,30}\.amazonaws\.com(\.cn)?")
CERTIFICATE = re.compile(r"/SimpleNotificationService-[A-Za-z0-9]{8,64}\.pem")
OWNER = re.compile(r"([a-z0-9*-]+\.)*amazonaws\.com(\.cn)?")
SHORTEST_KEY = 2048
#: What is signed, in this order; Subject only where it is there.
NEWS = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
QUESTION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
FIELDS = {
    "Notification": NEWS, "SubscriptionConfirmation": QUESTION, "UnsubscribeConfirmation": QUESTION,
}  # fmt: skip
WHAT = {
    "Delivery": "delivered", "Bounce": "bounced", "Complaint": "complained", "Reject": "bounced",
    "Rendering Failure": "bounced", "Send": "left", "DeliveryDelay": "left", "Open": "left",
    "Click": "left",
}  # fmt: skip
#: On a list of Amazon's own or of its customer: it was not even tried.
LISTS = {"Suppressed": True, "OnAccountSuppressionList": True, "UnsubscribedRecipient": False}


def check(posted: Posted, key: str, *, at: datetime, fetch: Fetch) -> str:
    """What makes this report one of its kind; `key` is the topic. Raises Refused, Unavailable."""
    envelope = a_dict(common.parse(posted.body))
    kind = envelope.get("Type")
    if not isinstance(kind, str) or kind not in FIELDS:
        raise Refused("It was not signed: switch raw message delivery off.", 400)
    if envelope.get("TopicArn") != key:
        raise Refused("It came from another topic than the one that is entered here.")
    common.demand_fresh(_moment(envelope), at)
    url = text(envelope.get("SigningCertURL"))
    if not is_amazons(url, CERTIFICATE):
        raise Refused("It names a certificate that is not Amazon's.")
    _verify(envelope, certificate(fetch(url), at))
    return text(envelope.get("MessageId"))


def is_amazons(url: str, path: re.Pattern[str]) -> bool:
    """Whether an address is one of SNS itself, with a path of this form."""
    try:
        parts = urlsplit(url)
        bare = parts.scheme == "https" and parts.netloc == parts.hostname
    except ValueError:
        return False
    return bare and bool(HOST.fullmatch(parts.netloc)) and bool(path.fullmatch(parts.path))


def certificate(pem: bytes, at: datetime) -> x509.Certificate:
    """The first of a file, when it may sign for SNS now. Raises Refused.

    SNS hands out its own certificate without those above it, so that nothing leads to a root;
    that it came by TLS from a host of Amazon's stands for that. Where others follow, each must
    have been issued by the next.
    """
    try:
        chain = x509.load_pem_x509_certificates(pem)
        for lower, upper in itertools.pairwise(chain):
            lower.verify_directly_issued_by(upper)
    except (ValueError, TypeError, InvalidSignature):
        raise Refused("Its certificate cannot be read.") from None
    found = chain[0]
    if any(not one.not_valid_before_utc <= at <= one.not_valid_after_utc for one in chain):
        raise Refused("Its certificate is out of date.")
    if not any(OWNER.fullmatch(name) for name in _names(found)):
        raise Refused("Its certificate is not Amazon's.")
    return found


def _names(found: x509.Certificate) -> list[str]:
    names = [str(a.value) for a in found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    try:
        others = found.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return names
    return [*names, *others.value.get_values_for_type(x509.DNSName)]


def _verify(envelope: dict[str, Any], signer: x509.Certificate) -> None:
    key = signer.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < SHORTEST_KEY:
        raise Refused("Its certificate has a key that is too weak.")
    versions: dict[str, hashes.HashAlgorithm] = {
        # Version 1 is still what a topic signs with unless its owner asked for version 2.
        "1": hashes.SHA1(),  # noqa: S303
        "2": hashes.SHA256(),
    }
    method = versions.get(text(envelope.get("SignatureVersion")))
    try:
        signature = base64.b64decode(text(envelope.get("Signature"), 4000), validate=True)
        if method is None:
            raise ValueError
        key.verify(signature, signed(envelope), padding.PKCS1v15(), method)
    except (InvalidSignature, ValueError):
        raise Refused("The signature is wrong.") from None


def signed(envelope: dict[str, Any]) -> bytes:
    """The bytes that the signature covers."""
    lines = []
    for name in FIELDS[envelope["Type"]]:
        value = envelope.get(name)
        if isinstance(value, str):
            lines.append(f"{name}\n{value}\n")
        elif name != "Subject":
            raise common.malformed()
    return "".join(lines).encode("utf-8", "surrogatepass")


def question(body: bytes) -> str:
    """Where to confirm a subscription; empty where the report is none. Raises Refused."""
    envelope = a_dict(common.parse(body))
    if envelope.get("Type") != "SubscriptionConfirmation":
        return ""
    url = text(envelope.get("SubscribeURL"), 4000)
    asked = parse_qs(urlsplit(url).query) if is_amazons(url, re.compile("/?")) else {}
    right = {"Action": ["ConfirmSubscription"], "TopicArn": [envelope.get("TopicArn")]}
    if any(asked.get(name) != value for name, value in right.items()):
        raise Refused("It asks to confirm something else than a subscription to this topic.")
    return url


def is_end(body: bytes) -> bool:
    """Whether somebody ended the subscription."""
    return bool(a_dict(common.parse(body)).get("Type") == "UnsubscribeConfirmation")


def read(body: bytes) -> list[Told]:
    """What SES says inside of the topic's message; a remark that is no JSON says nothing."""
    envelope = a_dict(common.parse(body))
    if envelope.get("Type") != "Notification":
        return []
    try:
        news = common.parse(str(envelope.get("Message")).encode("utf-8", "replace"))
    except Refused:
        return []
    if not isinstance(news, dict):
        return []
    kind = text(news.get("notificationType")) or text(news.get("eventType"))
    what = WHAT.get(kind, "nothing")
    mail = inner(news, "mail")
    name = text(envelope.get("MessageId"))
    told = [
        Told(what=what, name=f"{name} {number}", marks=_marks(mail), finding=finding)
        for number, finding in enumerate(_findings(what, kind, news))
    ]
    return told or [Told(what=what, name=name, marks=_marks(mail))]


def _moment(envelope: dict[str, Any]) -> datetime:
    try:
        moment = datetime.fromisoformat(text(envelope.get("Timestamp")))
    except ValueError:
        raise common.malformed() from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _marks(mail: dict[str, Any]) -> tuple[str, ...]:
    """The return path, always there; the header fields where they are switched on."""
    headers = mail.get("headers")
    fields = [one for one in headers if isinstance(one, dict)] if isinstance(headers, list) else []
    named = [one for one in fields if text(one.get("name")).lower() == "message-id"]
    return (text(mail.get("source")), *(text(one.get("value")) for one in named[:3]))


def _findings(what: str, kind: str, news: dict[str, Any]) -> list[Finding]:
    if what == "complained":
        return _complaints(inner(news, "complaint"))
    if what != "bounced":
        return []
    if kind != "Bounce":
        part = inner(news, "reject") or inner(news, "failure")
        words = text(part.get("reason")) or text(part.get("errorMessage")) or "no reason was given"
        said = f"Amazon did not send it: {words}"
        return [common.dropped("", said, bounced_before=False)]
    part = inner(news, "bounce")
    return [_bounce(part, one) for one in _recipients(part.get("bouncedRecipients"))]


def _recipients(value: Any) -> list[dict[str, Any]]:
    entries = value[:50] if isinstance(value, list) else []
    found: list[dict[str, Any]] = [one for one in entries if isinstance(one, dict)]
    return found or [{}]


def _complaints(part: dict[str, Any]) -> list[Finding]:
    kind = text(part.get("complaintFeedbackType"))
    # These say that it was no spam, or were made by Amazon's own list without any reader.
    if kind == "not-spam" or text(part.get("complaintSubType")) == "OnAccountSuppressionList":
        return [Finding("", "none", "", f"No complaint: {kind or 'on a list of Amazon'}")]
    words = "Reported as junk mail, says Amazon."
    people = _recipients(part.get("complainedRecipients"))
    return [common.complaint(text(one.get("emailAddress")), words) for one in people]


def _bounce(part: dict[str, Any], recipient: dict[str, Any]) -> Finding:
    address = text(recipient.get("emailAddress"))
    detail = text(part.get("bounceSubType"))
    if detail in LISTS:
        words = f"Amazon did not send it: {detail}"
        return common.dropped(address, words, bounced_before=LISTS[detail])
    return common.bounce(
        address, text(recipient.get("diagnosticCode")), status=text(recipient.get("status")),
        is_final=text(part.get("bounceType")) == "Permanent", says_mailbox=detail == "NoEmail",
        says_sender=detail in ("ContentRejected", "AttachmentRejected", "MessageTooLarge"),
    )  # fmt: skip
