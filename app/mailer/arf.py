"""Complaints: feedback reports (RFC 5965) and the one vendor's form without a machine part."""

from __future__ import annotations

import email
import re
from dataclasses import dataclass
from email.message import Message
from email.utils import parseaddr

#: Kinds that speak for the reader (RFC 5965 section 7.3; RFC 6430 for not-spam).
COMPLAINTS = {"abuse", "fraud", "opt-out", "opt-out-list", "virus", "other", "miscategorized"}


@dataclass(frozen=True)
class Complaint:
    """A reader, or their provider, about one of our mails."""

    kind: str
    """As the report says: abuse, fraud, opt-out, not-spam, auth-failure …"""
    recipient: str
    """Empty where the provider hides it; the envelope and the Message-ID still tell."""
    message_id: str

    @property
    def counts(self) -> bool:
        """Whether the reader is to be left alone from now on; unknown kinds count."""
        return self.kind in COMPLAINTS or self.kind.startswith("x-")

    @property
    def reason(self) -> str:
        return {
            "not-spam": "The reader says it is not spam.",
            "auth-failure": "The provider could not verify the mail; the reader said nothing.",
            "opt-out": "The reader asked their provider for no more mail.",
            "fraud": "Reported as fraud.",
        }.get(self.kind, "Reported as spam.")


def find(message: Message) -> Complaint | None:
    """The complaint in a message, or None."""
    if message.get_content_type() == "multipart/report" or message.is_multipart():
        for part in _inner(message):
            if part.get_content_type() == "message/feedback-report":
                return _from_report(part, message)
    return _hotmail(message)


def _inner(message: Message) -> list[Message]:
    payload = message.get_payload()
    return (
        [part for part in payload if isinstance(part, Message)] if isinstance(payload, list) else []
    )


def _from_report(part: Message, message: Message) -> Complaint:
    fields = _fields(part)
    original = _original(message)
    recipient = _address(fields.get("Original-Rcpt-To", "")) or _address(
        fields.get("Removal-Recipient", "")
    )
    if not recipient and original is not None:
        recipient = _address(str(original.get("To", "")))
    kind = str(fields.get("Feedback-Type", "abuse")).strip().lower()
    return Complaint(kind, recipient, _message_id(original))


def _fields(part: Message) -> Message:
    payload = part.get_payload()
    if isinstance(payload, list):
        return payload[0] if payload and isinstance(payload[0], Message) else Message()
    return email.message_from_string(str(payload).lstrip())


def _original(message: Message) -> Message | None:
    for part in _inner(message):
        kind = part.get_content_type()
        payload = part.get_payload()
        if kind == "message/rfc822" and isinstance(payload, list) and payload:
            first = payload[0]
            return first if isinstance(first, Message) else None
        if kind in ("text/rfc822-headers", "message/rfc822"):
            return email.message_from_string(str(payload).lstrip())
    return None


def _hotmail(message: Message) -> Complaint | None:
    """Microsoft's reports: the original mail as an attachment, the reader in a header of it."""
    original = _original(message)
    if original is None:
        return None
    reader = original.get("X-HmXmrOriginalRecipient") or message.get("X-HmXmrOriginalRecipient")
    if not reader:
        return None
    return Complaint("abuse", _address(str(reader)), _message_id(original))


def _address(value: str) -> str:
    value = re.sub(r"^\s*rfc822\s*;", "", value)
    address = parseaddr(value)[1]
    return address if re.fullmatch(r"[^\s@<>]+@[^\s@<>]+", address) else ""


def _message_id(original: Message | None) -> str:
    return str(original.get("Message-ID", "")).strip().strip("<>") if original is not None else ""
