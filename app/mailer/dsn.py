"""Reading what comes back: bounces (RFC 3464 and the many forms before it) and complaints.

Whatever the bytes are, the answer is a list, quickly and in bounded memory. A standard report is
read by its fields; the odd formats by flufl.bounce. What a failure means is decided by the same
table as the answers of a live server (`mailer.faults`), so that a block of ours is never held
against the reader.
"""

from __future__ import annotations

import contextlib
import email
import email.message
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Any

from flufl.bounce._scan import _DETECTORS

from app.mailer import arf
from app.mailer.faults import Fault, blame

#: What is read of a mail; a bounce says what it has to say long before.
READ_BYTES = 1_000_000
#: Odd forms are looked for line by line, with many patterns for each line.
READ_LINES = 20_000
MAX_PARTS = 200
MAX_DEPTH = 20
MAX_RECIPIENTS = 100
#: A failure for good without any reason; taken for the mailbox's, but not at once acted upon.
UNCLEAR = "unclear"

STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
CODE = re.compile(r"(?:^|[\s(\[<:;#-])([45]\d\d)(?=[\s\-#.]|$)")
#: Who writes bounces; some of them call theirs auto-replied, as out-of-office notes are.
DAEMON = re.compile(r"mailer-?daemon|postmaster|mail delivery|delivery (sub)?system", re.IGNORECASE)
QUOTED = re.compile(
    r"^\W*(below|original message|message headers?|returned message|this is a copy|copy of|"
    r"a copy|unsent message|message (follows|removed))|^-{3,}.*(original|copy|below|headers)",
    re.IGNORECASE | re.MULTILINE,
)
AUTO_SUBJECT = re.compile(
    r"^\s*(re:\s*)?(out of( the)? office|automatic reply|auto(matic)?[- ]?(reply|response)"
    r"|abwesenheit|automatische antwort|r[eé]ponse automatique|absence|respuesta autom[aá]tica"
    r"|risposta automatica|afwezig|on vacation|away from)",
    re.IGNORECASE,
)
#: How mail programs begin the subject of an answer, by language.
ANSWER_SUBJECT = re.compile(
    r"^\s*(re|aw|sv|vs|antw|odp|ynt|rif|res|ref)\s*(\[\d+\])?\s*:", re.IGNORECASE
)


@dataclass(frozen=True)
class Finding:
    """What a mail says of one recipient."""

    address: str
    verdict: str
    """hard, soft, sender, complaint or none."""
    status: str
    """Enhanced status code, or empty."""
    reason: str
    fault: str = ""
    """mailer.faults.Fault of a bounce; unclear where a permanent failure says nothing."""


def classify_bytes(data: bytes) -> list[dict[str, str]]:
    """One entry a recipient: {address, verdict, status, reason}. Never raises on any bytes."""
    shown = ("address", "verdict", "status", "reason")
    return [{name: getattr(one, name) for name in shown} for one in classify(data)]


def classify(data: bytes) -> list[Finding]:
    """As `classify_bytes`, for use inside the program."""
    return judge(read(data))


def judge(message: Message) -> list[Finding]:
    """As `classify`, of a mail that was read already."""
    if complaint := arf.find(message):
        verdict = "complaint" if complaint.counts else "none"
        return [Finding(complaint.recipient, verdict, "", complaint.reason)]
    found = _standard(message)
    if found is None:
        found = [] if is_auto_reply(message) or is_reply(message) else _odd(message)
    return found[:MAX_RECIPIENTS] or [Finding("", "none", "", "Not a bounce.")]


def read(data: bytes) -> Message:
    """A message out of any bytes: cut, CR only, with NULs."""
    data = data[:READ_BYTES].removeprefix(b"\xef\xbb\xbf").replace(b"\0", b"")
    # To the parser a line ends with CR alone as well, so lines are counted as it counts them.
    data = re.sub(rb"\r(?!\n)", b"\n", data)
    # "From " of a mailbox file, and blank lines before the header.
    data = re.sub(rb"\A\s*(From [^\n]*\n)?", b"", data)
    if data.count(b"\n") > READ_LINES:
        data = b"\n".join(data.split(b"\n", READ_LINES)[:READ_LINES])
    try:
        return email.message_from_bytes(data)
    except Exception:  # the parser itself has failed on hostile input before
        return email.message.Message()


def parts(message: Message) -> Iterator[Message]:
    """Every part, outermost first; bounded in number and depth."""
    stack, seen = [(message, 0)], 0
    while stack and seen < MAX_PARTS:
        part, depth = stack.pop()
        seen += 1
        yield part
        inner = part.get_payload()
        if isinstance(inner, list) and depth < MAX_DEPTH:
            stack.extend((one, depth + 1) for one in reversed(inner) if isinstance(one, Message))


def is_auto_reply(message: Message) -> bool:
    """An out-of-office note and the like (RFC 3834): never a bounce."""
    if DAEMON.search(str(message.get("From", ""))):
        return False
    submitted = str(message.get("Auto-Submitted", "no")).strip().lower()
    return (
        submitted.startswith("auto-replied")
        or "X-Autoreply" in message
        or "X-Autorespond" in message
        or str(message.get("Precedence", "")).lower() == "auto_reply"
        or bool(AUTO_SUBJECT.match(str(message.get("Subject", ""))))
    )


def is_reply(message: Message) -> bool:
    """A person's answer (RFC 5322 3.6.4, 3.6.5): never a bounce, whatever it quotes."""
    names = str(message.get("In-Reply-To") or message.get("References") or "")
    return (
        "@" in names
        and bool(ANSWER_SUBJECT.match(str(message.get("Subject", ""))))
        and not DAEMON.search(str(message.get("From", "")))
    )


def _standard(message: Message) -> list[Finding] | None:
    """By message/delivery-status (RFC 3464); None where there is no such part."""
    reports = [part for part in parts(message) if _type(part) == "message/delivery-status"]
    if not reports:
        return None
    findings: dict[str, Finding] = {}
    for report in reports:
        for group in _groups(report):
            if finding := _from_group(group):
                findings.setdefault(finding.address.lower(), finding)
    return list(findings.values()) or None


def _type(part: Message) -> str:
    try:
        return part.get_content_type()
    except Exception:  # a Content-Type that the library cannot read is no type
        return "text/plain"


def _groups(report: Message) -> Iterator[Message]:
    payload = report.get_payload()
    if isinstance(payload, list):
        yield from (group for group in payload if isinstance(group, Message))
        return
    for block in re.split(r"\r?\n\s*\r?\n", str(payload)):
        yield email.message_from_string(block.strip())


def _from_group(group: Message) -> Finding | None:
    action = str(group.get("Action", "")).strip().lower()
    address = _address_of(group)
    if not address or not action.startswith(("fail", "error", "delay")):
        return None
    field = str(group.get("Status", ""))
    # Some put their words where the code belongs.
    diagnostic = " ".join(str(group.get("Diagnostic-Code") or field).split())
    status = _status(field, diagnostic)
    return judged(address, status, diagnostic, delayed=action.startswith("delay"))


def _address_of(group: Message) -> str:
    # As it was mailed, before aliases of the other side were followed.
    for name in ("Original-Recipient", "Final-Recipient"):
        value = str(group.get(name, ""))
        _, semicolon, rest = value.partition(";")
        text = (rest if semicolon else value).strip().strip("<>").strip()
        if "@" in text:
            return text
    return ""


def _status(field: str, diagnostic: str) -> str:
    stated, told = STATUS.search(field), STATUS.search(diagnostic)
    # x.0.0 says nothing; the words behind it often say more.
    if stated and (stated.group(2), stated.group(3)) != ("0", "0"):
        return stated.group()
    best = told or stated
    return best.group() if best else ""


def judged(address: str, status: str, text: str, *, delayed: bool) -> Finding:
    """What a failure means, by its code and words; `delayed`: not for good."""
    found = CODE.search(text)
    code = int(found.group(1)) if found else None
    fault = blame(code, status or None, text)
    if fault is Fault.MAILBOX and not delayed:
        verdict = "hard"
    elif fault in (Fault.MAILBOX, Fault.MAILBOX_FULL, Fault.PROVIDER):
        verdict = "soft"
    else:
        verdict = "sender"
    told = fault.value if fault is not Fault.MAILBOX or _is_told(code, status, text) else UNCLEAR
    return Finding(address, verdict, status, text[:500] or "No reason was given.", told)


def _is_told(code: int | None, status: str, text: str) -> bool:
    """Whether anything says that the mailbox is at fault, or we only suppose so."""
    without = blame(None, "4.0.0", text) is Fault.MAILBOX
    return without or status[2:] not in ("", "0.0") or (not status and code in (550, 551, 553, 556))


def _odd(message: Message) -> list[Finding]:
    """By flufl.bounce, detector by detector, since some raise on some mails."""
    for detector in _DETECTORS:
        temporary: Any = ()
        permanent: Any = ()
        with contextlib.suppress(Exception):
            temporary, permanent = detector().process(message)
        if temporary or permanent:
            text = _words(message)
            return [
                *_told(permanent, text, delayed=False),
                *_told(temporary, text, delayed=True),
            ]
    return []


def _told(addresses: Any, text: str, *, delayed: bool) -> list[Finding]:
    findings = []
    for raw in sorted(addresses)[:MAX_RECIPIENTS]:
        address = raw.decode("ascii", "replace") if isinstance(raw, bytes) else str(raw)
        near = _near(address, text)
        found = STATUS.search(near)
        findings.append(judged(address, found.group() if found else "", near, delayed=delayed))
    return findings


def _words(message: Message) -> str:
    """The text that a person would read first."""
    for part in parts(message):
        if _type(part) == "text/plain":
            with contextlib.suppress(Exception):
                payload = part.get_payload(decode=True)
                if isinstance(payload, bytes) and payload.strip():
                    return payload[:20_000].decode("utf-8", "replace")
    return ""


def _near(address: str, text: str) -> str:
    """The lines that speak of the address."""
    at = text.lower().find(address.lower())
    if at < 0:
        return " ".join(text[:300].split())
    start = text.rfind("\n\n", 0, at) + 1
    near = text[start : at + len(address) + 400]
    # The mail that came back is quoted below; its words are not the server's.
    quoted = QUOTED.search(near, at - start + len(address))
    return " ".join((near[: quoted.start()] if quoted else near).split())
