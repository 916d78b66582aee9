"""What an SPF record lets send, and what it costs to find out (RFC 7208)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field

from app.mailer.lookup import Away, Find

#: RFC 7208, section 4.6.4: beyond this, receivers give up and call the record broken.
MOST_LOOKUPS = 10
#: Where we stop following a record that never ends.
ENOUGH = 30

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_TERM = re.compile(r"^([+?~-]?)([a-z0-9]+)(?:([:=])([^/\s]*))?(/.*)?$", re.IGNORECASE)
_LOOKED_UP = {"include", "a", "mx", "ptr", "exists"}


@dataclass
class Spf:
    """A record with all that it includes."""

    domain: str
    texts: list[str]
    """Every SPF record at the domain; more than one is an error."""
    lookups: int = 0
    includes: set[str] = field(default_factory=set)
    networks: list[Network] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    everybody: bool = False
    """Ends with +all: anybody may send."""
    partly: bool = False
    """Something it refers to could not be asked for."""

    def covers(self, addresses: list[str]) -> bool:
        """Whether mail from all of these addresses is allowed."""
        found = [ipaddress.ip_address(address) for address in addresses]
        return bool(found) and all(any(one in net for net in self.networks) for one in found)


def read(domain: str, find: Find) -> Spf:
    """Raises Away where the record itself cannot be asked for."""
    texts = [text for text in find(domain, "TXT") if is_spf(text)]
    spf = Spf(domain, texts)
    if len(texts) == 1:
        _walk(spf, domain, texts[0], find, {domain})
    return spf


def is_spf(text: str) -> bool:
    """Whether a TXT record is one of SPF."""
    return re.match(r"v=spf1(\s|$)", text, re.IGNORECASE) is not None


def with_mechanism(text: str, mechanism: str) -> str:
    """The record with one more mechanism, before what it says about all others."""
    terms = text.split()
    if mechanism.lower() in (term.lower() for term in terms):
        return text
    ends = [i for i, term in enumerate(terms) if re.match(r"[+?~-]?all$|redirect=", term.lower())]
    terms.insert(ends[0] if ends else len(terms), mechanism)
    return " ".join(terms)


def _walk(spf: Spf, domain: str, text: str, find: Find, seen: set[str]) -> None:
    redirect, has_all = "", False
    for raw in text.split()[1:]:
        match = _TERM.match(raw)
        if match is None:
            spf.problems.append(f"“{raw}” is no part of an SPF record")
            continue
        qualifier, name, _, target, cidr = (part or "" for part in match.groups())
        name = name.lower()
        if name == "redirect":
            redirect = target
        elif name == "all":
            has_all = True
            spf.everybody = spf.everybody or (domain == spf.domain and qualifier in ("", "+"))
        else:
            _mechanism(spf, domain, (name, target, cidr), find, seen)
    if redirect and not has_all:
        spf.lookups += 1
        _follow(spf, redirect, "redirect", find, seen)


def _mechanism(
    spf: Spf, domain: str, term: tuple[str, str, str], find: Find, seen: set[str]
) -> None:
    name, target, cidr = term
    spf.lookups += name in _LOOKED_UP
    if spf.lookups > ENOUGH or "%" in target:
        return
    try:
        if name == "include":
            _follow(spf, target, "include", find, seen)
        elif name in ("ip4", "ip6"):
            spf.networks.append(ipaddress.ip_network(target + cidr, strict=False))
        elif name == "a":
            _hosts(spf, [target or domain], cidr, find)
        elif name == "mx":
            rows = find(target or domain, "MX")
            _hosts(spf, [row.partition(" ")[2] for row in rows[:10]], cidr, find)
    except Away:
        spf.partly = True
    except ValueError:
        spf.problems.append(f"“{name}:{target}{cidr}” is no network")


def _follow(spf: Spf, target: str, how: str, find: Find, seen: set[str]) -> None:
    target = target.rstrip(".").lower()
    if how == "include":
        spf.includes.add(target)
    if target in seen or spf.lookups > ENOUGH:
        return
    try:
        texts = [text for text in find(target, "TXT") if is_spf(text)]
    except Away:
        spf.partly = True
        return
    if len(texts) == 1:
        _walk(spf, target, texts[0], find, seen | {target})
    else:
        spf.problems.append(f"“{how}:{target}” leads to no SPF record")


def _hosts(spf: Spf, hosts: list[str], cidr: str, find: Find) -> None:
    four, _, six = cidr.removeprefix("/").partition("//")
    for host in filter(None, hosts):
        for kind, bits in (("A", four or "32"), ("AAAA", six or "128")):
            for address in find(host, kind):
                spf.networks.append(ipaddress.ip_network(f"{address}/{bits}", strict=False))
