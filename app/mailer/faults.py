"""Whose fault a refusal is: one table for live answers and for bounces.

Only a verdict about the mailbox itself may ever count against a reader. Everything that names us,
our content, our reputation, our pace or the provider's state does not, whatever its code says:
in collections of real bounces about a third of the permanent refusals are the sender's.

The words are tried first, since many servers send 5.0.0, 5.7.1 or 5.1.1 with anything; then the
enhanced code (RFC 3463, with the registry's additions of RFC 7372 and RFC 7505); then the plain
code (RFC 5321 section 4.2).
"""

from __future__ import annotations

import re
from enum import StrEnum


class Fault(StrEnum):
    """Whose fault it is."""

    MAILBOX = "mailbox"
    """No such reader, or closed for good. The only kind that suppresses."""
    MAILBOX_FULL = "mailbox_full"
    """Full, or closed for now: full boxes get emptied."""
    PROVIDER = "provider"
    """Their server or their name service is in trouble, or it asks for patience (greylisting)."""
    RATE = "rate"
    """We were too quick for them."""
    REPUTATION = "reputation"
    """They do not want our network, domain or authentication."""
    CONTENT = "content"
    """They do not want this message: its words, links, size or form."""
    OURS = "ours"
    """Our own configuration: relaying denied, login, envelope, protocol."""


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


#: First match wins. A word decides for the sender before one decides against the mailbox.
WORDS: tuple[tuple[re.Pattern[str], Fault], ...] = (
    (
        _any(
            r"gr[ae]y.?list",
            r"not found, try again",
            r"postgrey",
            r"try again (later|in \d+)",
            r"temporar(y|ily) (reject|"
            r"defer|unavailable|lookup)",
            r"\b451 4\.7\.1\b.*later",
        ),
        Fault.PROVIDER,
    ),
    (
        _any(
            r"\brate\b.{0,40}(limit|exceed|prevent)",
            r"receiving mail at a rate",
            r"too (many|fast)"
            r".{0,30}(message|mail|connection|recipient|session|attempt)",
            r"throttl",
            r"unusual rate",
            r"exceeded.{0,40}(messages|mails|connections).{0,20}(hour|day|minute)",
            r"sending limit",
            r"deferred due to (user|volume)",
            r"concurrent connections",
        ),
        Fault.RATE,
    ),
    (
        _any(
            r"\bspf\b",
            r"\bdkim\b",
            r"\bdmarc\b",
            r"unauthenticated",
            r"not authenticated",
            r"authentication (is )?(required|check|results|fail)",
            r"reverse (dns|lookup)",
            r"\bptr\b",
            r"\brdns\b",
            r"black.?list",
            r"block.?list",
            r"deny.?list",
            r"\brbl\b",
            r"dnsbl",
            r"spamhaus",
            r"spamcop",
            r"barracudacentral",
            r"sorbs",
            r"senderbase",
            r"senderscore",
            r"reputation",
            r"\b(client|sender|ip|network|domain)\b[^:]{0,60}"
            r"\b(is |was |been |are )?(blocked|banned|listed|rejected|refused due)",
            r"\bblocked\b.{0,40}(using|by|due|for|because)",
            r"sender (address )?(rejected|denied)",
            r"does not meet the required",
            r"access denied.{0,60}(sending|domain|ip|client)",
            r"banned sending",
            r"poor.{0,20}(history|standing)",
            r"not allowed to (connect|send)",
            r"bulk.{0,20}sender",
        ),
        Fault.REPUTATION,
    ),
    (
        _any(
            r"quota",
            r"(mailbox|inbox|storage|disk|account)[^.]{0,30}\bfull\b",
            r"\bover.?quota\b",
            r"(mailbox|storage).{0,20}(limit|exceeded)",
            r"insufficient.{0,20}(storage|space)",
            r"not enough.{0,20}space",
            r"temporarily (disabled|suspended|locked)",
            r"mailbox.{0,20}(temporarily|busy|locked)",
        ),
        Fault.MAILBOX_FULL,
    ),
    (
        _any(
            r"\bspam(my|ming)?\b",
            r"\bjunk\b",
            r"unsolicited",
            r"\bubc?e\b",
            r"virus",
            r"malware",
            r"phish",
            r"content (filter|reject|not|policy|block)",
            r"message content",
            r"(message|mail|size).{0,30}(too (large|big)|exceeds|maximum|size limit)",
            r"maximum.{0,30}message size",
            r"(url|link|attachment).{0,40}(block|reject|not allowed|"
            r"prohibit)",
            r"rejected.{0,30}policy",
            r"policy.{0,30}(reject|violat|reason|refus)",
            r"local policy",
            r"header.{0,30}(not|bad|missing|invalid|malformed)",
            r"looks like",
            r"not rfc ?\d* complian",
            r"bare (lf|newline|cr)",
        ),
        Fault.CONTENT,
    ),
    (
        _any(
            r"relay(ing)? (access )?(is )?(denied|not (permitted|allowed))",
            r"relaying denied",
            r"we do not relay",
            r"must issue a starttls",
            r"starttls",
            r"authentication credentials",
            r"invalid login",
            r"bad sequence of commands",
            r"syntax error",
            r"not a valid return",
            r"sender (domain|address).{0,30}(not (found|exist)|must)",
            r"(invalid|bad|rejected|require\w*).{0,20}(helo|ehlo)",
            r"(helo|ehlo).{0,30}(reject|invalid|require)",
        ),
        Fault.OURS,
    ),
    (
        _any(
            (
                r"(user|account|mailbox|recipient|address|box)[^.]{0,60}(unknown|"
                r"not (exist|found|known|"
            ),
            r"available|valid|local|listed|active|have)|n't exist|invalid|disabled|inactive|"
            r"unavailable|deactivated|suspended|closed|expired|undeliverable|rejected|removed)",
            r"(unknown|no such|invalid|inactive|bad destination|non.?exist\w*).{0,30}(user|account|"
            r"mailbox|recipient|address|local|person|name)",
            r"does not (exist|have an? .{0,20}"
            r"(account|mailbox))",
            r"no mailbox (here|by)",
            r"user.{0,10}unknown",
            r"not our customer",
            r"no longer (valid|active|in use|works|with)",
            r"has moved",
            r"address rejected",
            r"(host|domain)( or domain)?( name)?.{0,25} not found(?!, try)",
            r"nxdomain",
            r"(?<!temporar)(unknown|unrouteable) (host|domain|mail domain)",
            r"isn't in .{0,40}list",
            r"there is no (one|user|mailbox)",
        ),
        Fault.MAILBOX,
    ),
    (
        _any(
            (
                r"(host|domain|server|name|mx).{0,40}(not found|unknown|unreachable|"
                r"not exist|timed? ?out)"
            ),
            r"no route to host",
            r"connection (refused|timed|reset|lost)",
            r"delivery time expired",
            r"retry timeout",
            r"unable to (connect|deliver|route)",
            r"(mail )?loop",
            r"too many hops",
            r"service (not|un)available",
            r"system (error|problem|not accepting)",
            r"out of memory",
            r"local (error|configuration)",
            r"delayed",
        ),
        Fault.PROVIDER,
    ),
)

#: By subject and detail of an enhanced code; the subject alone where the detail is not listed.
STATUSES = {
    "1.1": Fault.MAILBOX, "1.2": Fault.MAILBOX, "1.3": Fault.MAILBOX, "1.4": Fault.MAILBOX,
    "1.6": Fault.MAILBOX, "1.9": Fault.MAILBOX, "1.10": Fault.MAILBOX,
    "1.5": Fault.PROVIDER, "1.7": Fault.OURS, "1.8": Fault.OURS, "1.0": Fault.MAILBOX,
    "2.1": Fault.MAILBOX, "2.2": Fault.MAILBOX_FULL, "2.3": Fault.CONTENT, "2.4": Fault.PROVIDER,
    "2.0": Fault.MAILBOX,
    "3.1": Fault.PROVIDER, "3.4": Fault.CONTENT, "3": Fault.PROVIDER,
    "4": Fault.PROVIDER,
    "5.3": Fault.RATE, "5": Fault.OURS,
    "6": Fault.CONTENT,
    "7.8": Fault.OURS, "7.9": Fault.OURS, "7.10": Fault.OURS, "7.13": Fault.MAILBOX_FULL,
    "7": Fault.REPUTATION,
}  # fmt: skip
CODES = {
    421: Fault.PROVIDER, 450: Fault.PROVIDER, 451: Fault.PROVIDER, 452: Fault.PROVIDER,
    454: Fault.OURS, 455: Fault.OURS, 500: Fault.OURS, 501: Fault.OURS, 502: Fault.OURS,
    503: Fault.OURS, 504: Fault.OURS, 521: Fault.PROVIDER, 530: Fault.OURS, 534: Fault.OURS,
    535: Fault.OURS, 538: Fault.OURS, 550: Fault.MAILBOX, 551: Fault.MAILBOX,
    552: Fault.MAILBOX_FULL, 553: Fault.MAILBOX, 554: Fault.REPUTATION, 555: Fault.OURS,
    556: Fault.MAILBOX,
}  # fmt: skip

#: Codes that are precise enough to be believed before any words.
PRECISE = {"1.1": Fault.MAILBOX, "2.2": Fault.MAILBOX_FULL, "1.6": Fault.MAILBOX}
_SENDER_WORDS = {Fault.RATE, Fault.REPUTATION, Fault.CONTENT, Fault.OURS}


def blame(code: int | None, status: str | None, text: str) -> Fault:
    """Whose fault a refusal is, from its code, enhanced status code and words."""
    detail = status.split(".", 1)[1] if status and "." in status else ""
    words = _by_words(text)
    if detail in PRECISE and words not in _SENDER_WORDS:
        return PRECISE[detail]
    # 5.7.x is about policy and security: never the reader, whatever the words are.
    if detail.startswith("7.") and words in (None, Fault.MAILBOX, Fault.MAILBOX_FULL):
        return STATUSES.get(detail, STATUSES["7"])
    if words is not None:
        return words
    subject = detail.split(".")[0]
    by_status = STATUSES.get(detail) or STATUSES.get(subject)
    if by_status is not None and detail != "0.0":
        return by_status
    if code is not None:
        return CODES.get(code, Fault.PROVIDER if 400 <= code < 500 else Fault.CONTENT)
    return Fault.MAILBOX if status is None or status.startswith("5") else Fault.PROVIDER


def _by_words(text: str) -> Fault | None:
    # Addresses and names of hosts are no words: "spam-trap@…", "blocked.example".
    plain = re.sub(r"\S*@\S*|https?://\S+", " ", text[:2000])
    return next((fault for pattern, fault in WORDS if pattern.search(plain)), None)
