"""What the words of mail providers mean for a reader."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.mailer.providers import mailgun, postmark, sendgrid, ses
from app.mailer.providers.common import Refused


def meaning(module, body):
    """(what, verdict, fault) of the one piece of news."""
    (told,) = module.read(json.dumps(body).encode())
    finding = told.finding
    return (told.what, finding.verdict, finding.fault) if finding else (told.what, "", "")


def by_postmark(kind, details="", record="Bounce", **more):
    event = {"RecordType": record, "Type": kind, "Details": details, "ID": 1, **more}
    return meaning(postmark, event)


@pytest.mark.parametrize(
    ("kind", "details", "right"),
    [
        ("HardBounce", "smtp;550 5.1.1 User unknown", ("bounced", "hard", "mailbox")),
        ("HardBounce", "", ("bounced", "hard", "mailbox")),
        ("HardBounce", "smtp;550 5.7.1 blocked using Spamhaus",
         ("bounced", "sender", "reputation")),
        ("BadEmailAddress", "", ("bounced", "hard", "mailbox")),
        ("SoftBounce", "smtp;552 5.2.2 Mailbox full", ("bounced", "soft", "mailbox_full")),
        ("SoftBounce", "smtp;550 5.1.1 User unknown", ("bounced", "soft", "mailbox")),
        ("Transient", "smtp;421 4.4.2 timeout", ("bounced", "soft", "provider")),
        ("DnsError", "", ("bounced", "soft", "unclear")),
        ("SpamNotification", "", ("bounced", "sender", "reputation")),
        ("Blocked", "smtp;550 5.1.1 No such user here", ("bounced", "sender", "reputation")),
        ("DMARCPolicy", "", ("bounced", "sender", "reputation")),
        ("ManuallyDeactivated", "", ("bounced", "sender", "ours")),
        ("SpamComplaint", "", ("complained", "complaint", "")),
        ("AutoResponder", "", ("left", "", "")),
        ("AddressChange", "", ("left", "", "")),
        ("ChallengeVerification", "", ("left", "", "")),
    ],
)  # fmt: skip
def test_postmarks_kinds_of_bounces(kind, details, right):
    assert by_postmark(kind, details) == right


def test_other_records_of_postmark():
    assert by_postmark("", record="Delivery") == ("delivered", "", "")
    assert by_postmark("", record="SpamComplaint")[:2] == ("complained", "complaint")
    assert by_postmark("", record="Open") == ("left", "", "")
    own = {"SuppressSending": True, "SuppressionReason": "ManualSuppression"}
    by_person = by_postmark("", record="SubscriptionChange", Origin="Recipient", **own)
    by_customer = by_postmark("", record="SubscriptionChange", Origin="Customer", **own)
    assert (by_person[0], by_customer[0]) == ("unsubscribed", "nothing")


@pytest.mark.parametrize(
    ("event", "right"),
    [
        ({"event": "bounce", "type": "bounce", "status": "5.1.1",
          "reason": "550 5.1.1 The account does not exist"}, ("bounced", "hard", "mailbox")),
        ({"event": "bounce", "type": "bounce", "status": "5.0.0", "reason": "",
          "bounce_classification": "Invalid Address"}, ("bounced", "hard", "mailbox")),
        ({"event": "bounce", "type": "bounce", "status": "", "reason": ""},
         ("bounced", "hard", "unclear")),
        ({"event": "bounce", "type": "blocked", "status": "5.1.1",
          "reason": "550 5.1.1 User unknown"}, ("bounced", "soft", "mailbox")),
        ({"event": "bounce", "type": "blocked", "status": "5.7.1",
          "reason": "550 5.7.1 Message rejected as spam by content filter"},
         ("bounced", "sender", "content")),
        ({"event": "bounce", "type": "bounce", "status": "5.1.1",
          "reason": "550 5.1.1 sender domain is blacklisted",
          "bounce_classification": "Reputation"}, ("bounced", "sender", "reputation")),
        ({"event": "dropped", "reason": "Invalid"}, ("bounced", "hard", "unclear")),
        ({"event": "dropped", "reason": "Recipient List over Package Quota"},
         ("bounced", "sender", "ours")),
        ({"event": "spamreport"}, ("complained", "complaint", "")),
        ({"event": "group_unsubscribe", "asm_group_id": 1}, ("unsubscribed", "", "")),
        ({"event": "group_resubscribe", "asm_group_id": 1}, ("nothing", "", "")),
        ({"event": "deferred", "response": "450 try again"}, ("left", "", "")),
        ({"event": "account_status_change"}, ("nothing", "", "")),
        ({}, ("nothing", "", "")),
    ],
)  # fmt: skip
def test_sendgrids_events(event, right):
    assert meaning(sendgrid, [event]) == right


def by_mailgun(**event):
    return meaning(mailgun, {"event-data": {"id": "x", **event}})


@pytest.mark.parametrize(
    ("event", "right"),
    [
        ({"event": "failed", "severity": "permanent", "reason": "bounce",
          "delivery-status": {"code": 550, "message": "5.1.1 User unknown"}},
         ("bounced", "hard", "mailbox")),
        ({"event": "failed", "severity": "permanent", "reason": "old",
          "delivery-status": {"code": 602, "message": "Too old"}}, ("bounced", "hard", "unclear")),
        ({"event": "failed", "severity": "permanent", "reason": "suppress-bounce",
          "delivery-status": {"code": 605, "message": "Not delivering to previously bounced"}},
         ("bounced", "hard", "unclear")),
        ({"event": "failed", "severity": "permanent", "reason": "suppress-complaint",
          "delivery-status": {"code": 607}}, ("bounced", "sender", "ours")),
        ({"event": "failed", "severity": "temporary", "reason": "generic",
          "delivery-status": {"code": 421, "message": "4.7.0 slow down"}}, ("left", "", "")),
        ({"event": "rejected", "reject": {"reason": "Sandbox"}}, ("bounced", "sender", "ours")),
        ({"event": "complained"}, ("complained", "complaint", "")),
        ({"event": "delivered"}, ("delivered", "", "")),
        ({"event": "list_member_uploaded"}, ("nothing", "", "")),
        ({"event": ["failed"], "message": 7, "delivery-status": "x"}, ("nothing", "", "")),
    ],
)  # fmt: skip
def test_mailguns_events(event, right):
    assert by_mailgun(**event) == right


def by_amazon(news):
    return meaning(ses, {"Type": "Notification", "MessageId": "m", "Message": json.dumps(news)})


def bounce(kind, detail, diagnostic="", status=""):
    person = {"emailAddress": "v@example.com", "status": status, "diagnosticCode": diagnostic}
    return {
        "notificationType": "Bounce",
        "bounce": {"bounceType": kind, "bounceSubType": detail, "bouncedRecipients": [person]},
    }


@pytest.mark.parametrize(
    ("news", "right"),
    [
        (bounce("Permanent", "General", "smtp; 550 5.1.1 <v@example.com> User unknown", "5.1.1"),
         ("bounced", "hard", "mailbox")),
        (bounce("Permanent", "NoEmail"), ("bounced", "hard", "mailbox")),
        (bounce("Permanent", "General"), ("bounced", "hard", "unclear")),
        (bounce("Undetermined", "Undetermined"), ("bounced", "soft", "unclear")),
        (bounce("Permanent", "Suppressed"), ("bounced", "hard", "unclear")),
        (bounce("Permanent", "OnAccountSuppressionList"), ("bounced", "hard", "unclear")),
        (bounce("Permanent", "UnsubscribedRecipient"), ("bounced", "sender", "ours")),
        (bounce("Transient", "MailboxFull", "smtp; 552 5.2.2 over quota", "5.2.2"),
         ("bounced", "soft", "mailbox_full")),
        (bounce("Transient", "ContentRejected"), ("bounced", "sender", "reputation")),
        (bounce("Transient", "General", "smtp; 421 4.4.7 Message expired", "4.4.7"),
         ("bounced", "soft", "provider")),
        ({"notificationType": "Complaint", "complaint": {"complaintFeedbackType": "abuse"}},
         ("complained", "complaint", "")),
        ({"notificationType": "Complaint", "complaint": {"complaintFeedbackType": "not-spam"}},
         ("complained", "none", "")),
        ({"notificationType": "Complaint",
          "complaint": {"complaintSubType": "OnAccountSuppressionList"}},
         ("complained", "none", "")),
        ({"eventType": "Reject", "reject": {"reason": "Bad content"}},
         ("bounced", "sender", "ours")),
        ({"eventType": "DeliveryDelay"}, ("left", "", "")),
        ({"eventType": "Delivery"}, ("delivered", "", "")),
        ({"eventType": "Delivery", "mail": 7}, ("delivered", "", "")),
    ],
)  # fmt: skip
def test_amazons_news(news, right):
    assert by_amazon(news) == right


def test_amazons_original_headers_name_the_mail():
    mail = {"source": "b+00@mail.test", "headers": [
        {"name": "Subject", "value": "x"}, {"name": "Message-Id", "value": "<c1.00@mail.test>"}, 7,
    ]}  # fmt: skip
    news = json.dumps({"eventType": "Delivery", "mail": mail})
    (told,) = ses.read(json.dumps({"Type": "Notification", "Message": news}).encode())

    assert told.marks == ("b+00@mail.test", "<c1.00@mail.test>")


@pytest.mark.parametrize("message", ["Successfully validated SNS topic.", "[]", "7", None])
def test_what_a_topic_says_beside_reports_means_nothing(message):
    assert ses.read(json.dumps({"Type": "Notification", "Message": message}).encode()) == []


def test_a_verification_key_may_be_pasted_in_any_form():
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for text in (pem.decode(), "".join(pem.decode().splitlines()[1:-1]), pem.decode() + "\n\n"):
        assert sendgrid.public_key(text).public_numbers() == private.public_key().public_numbers()


def test_keys_of_another_kind_are_refused():
    other = ec.generate_private_key(ec.SECP384R1()).public_key()
    raw = other.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for text in ("", "x", "SG.something", base64.b64encode(raw).decode(), "é"):
        with pytest.raises(sendgrid.BadKey):
            sendgrid.public_key(text)


@pytest.mark.parametrize("module", [mailgun, postmark, sendgrid, ses])
@pytest.mark.parametrize("body", [b"", b"\xff", b"[[", b"7", b"[7]", b"[" * 50_000, b"9" * 9999])
def test_no_bytes_break_a_reader(module, body):
    with pytest.raises(Refused) as refused:
        module.read(body)

    assert refused.value.status == 400


def test_sendgrid_never_sends_so_many_events_at_once():
    assert len(sendgrid.read(b"[" + b"{}," * 9_999 + b"{}]")) == 10_000
    with pytest.raises(Refused):
        sendgrid.read(b"[" + b"{}," * 10_000 + b"{}]")
