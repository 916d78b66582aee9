"""What DNS should say about a sending domain, as records to copy and in plain words.

`app.mailer.checking` compares it with what DNS says. A finding is ok, warn, bad, unknown (DNS gave
no answer, or nobody can know from here; never a reproach) or info (told, not asked for).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.mailer import spf as spfs

#: Mail services by the end of their servers' names, and what they ask to have included.
SERVICES = {
    "amazonaws.com": "amazonses.com",
    "sendgrid.net": "sendgrid.net",
    "mailgun.org": "mailgun.org",
    "postmarkapp.com": "spf.mtasv.net",
    "mailjet.com": "spf.mailjet.com",
    "mandrillapp.com": "spf.mandrillapp.com",
    "gmail.com": "_spf.google.com",
    "google.com": "_spf.google.com",
    "office365.com": "spf.protection.outlook.com",
}
#: Mailboxes for everybody, whose domain nobody but their provider can set up.
SHARED = frozenset((
    "gmail.com", "googlemail.com", "yahoo.com", "outlook.com", "hotmail.com", "live.com",
    "msn.com", "icloud.com", "me.com", "aol.com", "gmx.de", "gmx.net", "gmx.com", "gmx.at",
    "gmx.ch", "web.de", "t-online.de", "freenet.de", "mail.com", "proton.me", "protonmail.com",
    "yandex.ru", "mail.ru", "qq.com", "163.com", "orange.fr", "free.fr", "laposte.net",
    "libero.it", "wp.pl", "o2.pl", "seznam.cz", "comcast.net", "btinternet.com",
))  # fmt: skip
#: In this order the worst decides over a domain's light.
WORST = ("bad", "warn", "unknown", "ok")


@dataclass(frozen=True)
class Record:
    """One DNS record to copy."""

    name: str
    type: str
    value: str


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    code: str
    level: str
    title: str
    words: str
    records: tuple[Record, ...] = ()
    trap: str = ""
    """What usually goes wrong when such a record is entered."""
    seen: tuple[str, ...] = ()
    """What stands in DNS now."""

    def as_dict(self) -> dict[str, Any]:
        """For keeping."""
        return asdict(self)


@dataclass(frozen=True)
class PublicKey:
    """A DKIM key as DNS should show it."""

    selector: str
    kind: str
    record: str
    active: bool


@dataclass(frozen=True)
class Setup:
    """A domain and how its mail leaves."""

    domain: str
    bounces: str
    """The domain of the envelope sender, where bounces go."""
    site: str
    """The host name of this installation."""
    relays: tuple[str, ...] = ()
    """The mail servers; none where it is the operator's and nobody knows its public name."""
    own_relay: bool = False
    """Whether the business chose them itself; they may then sign by themselves."""
    keys: tuple[PublicKey, ...] = ()


def light(findings: Sequence[dict[str, Any]]) -> str:
    """The worst level of what a check found; unknown where it found nothing."""
    levels = {finding["level"] for finding in findings}
    return next((level for level in WORST if level in levels), "unknown")


def zone_line(record: Mapping[str, str]) -> str:
    """A record as it stands in a zone file, where a text has pieces of 255 characters at most."""
    value = record["value"]
    if record["type"] == "TXT":
        pieces = (value[i : i + 255] for i in range(0, len(value), 255))
        value = "(" + " ".join(f'"{piece}"' for piece in pieces) + ")"
    return f"{record['name']}. IN {record['type']} {value}"


#: What each finding is about, where DNS gives no answer.
TITLES = {
    "dkim": "Signatures (DKIM)",
    "spf": "Who may send for you (SPF)",
    "dmarc": "What others do with forgeries (DMARC)",
    "alignment": "The proofs are in your name (alignment)",
    "envelope": "The bounce address (return-path)",
    "bounces": "Mail that bounces back (MX)",
    "replies": "Replies to you",
}


def wanted(code: str, setup: Setup) -> tuple[Record, ...]:
    """The records to have, whatever is there now."""
    if code == "dkim":
        return tuple(key_record(setup, key) for key in setup.keys)
    if code == "spf":
        return spf_record(setup, setup.domain, "")
    if code == "dmarc":
        return (Record(f"_dmarc.{setup.domain}", "TXT", "v=DMARC1; p=none"),)
    if code == "envelope":
        return spf_record(setup, setup.bounces, "")
    if code == "bounces" and is_public_name(setup.site):
        return (Record(setup.bounces, "MX", f"10 {setup.site}"),)
    return ()


def trap_of(setup: Setup, code: str) -> str:
    """What goes wrong at many registrars."""
    if code not in ("dkim", "spf", "dmarc"):
        return ""
    if not (to_have := wanted(code, setup)):
        return ""
    short = to_have[0].name.removesuffix("." + setup.domain)
    traps = [
        f"Many providers add “.{setup.domain}” by themselves: then enter only “{short}” as the "
        "name, or it stands there twice."
        if code != "spf" else
        "For the domain itself many providers want “@” or nothing as the name.",
        "Enter the value without quotation marks.",
    ]  # fmt: skip
    if code == "dkim":
        traps.append(
            "Paste the long value as one line; a line break in the middle makes the key useless."
        )
    if code == "spf":
        traps.append("There may be only one SPF record: change the one that is there.")
    return " ".join(traps)


def key_record(setup: Setup, key: PublicKey) -> Record:
    """Where the public half of a key stands."""
    return Record(f"{key.selector}._domainkey.{setup.domain}", "TXT", key.record)


def mechanisms(setup: Setup) -> list[str]:
    """What an SPF record must have so that the mail servers may send; empty where unknown."""
    if not setup.relays:
        return [f"a:{setup.site}"] if is_public_name(setup.site) else []
    return list(dict.fromkeys(_mechanism(host) for host in setup.relays))


def _mechanism(host: str) -> str:
    for end, include in SERVICES.items():
        if host == end or host.endswith("." + end):
            return f"include:{include}"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"a:{host}"
    return f"ip{address.version}:{address}"


def spf_record(setup: Setup, domain: str, present: str) -> tuple[Record, ...]:
    """The record that is there, extended, or a first one; none where nothing is to be added."""
    value = present
    for mechanism in mechanisms(setup):
        value = spfs.with_mechanism(value or "v=spf1 ~all", mechanism)
    return () if value == present else (Record(domain, "TXT", value),)


def is_public_name(name: str) -> bool:
    """Whether others can look it up."""
    return (
        "." in name
        and not name.endswith((".local", ".localhost", ".internal"))
        and not (re.fullmatch(r"[\d.]+", name))
    )
