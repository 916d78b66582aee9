"""Human or machine, and why.

Two looks. The first is at one request, while its headers are at hand: the program, the method,
announced prefetching. Of the request only the verdict, its reason and a salted hash of the
network block are kept. The second is at hits together: all links of a mail within moments, a
hit before anybody could have read the mail, one network asking for many people's mails.

Pure: no database, no web.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple, Protocol

from app.core.networks import shortened
from app.tracking import agents

HUMAN, MACHINE = "human", "machine"
#: Links of one mail that are followed within this time were not followed by a person.
BURST_MS = 2000
BURST_TARGETS = 3
#: Nobody opens a mail within this time of its arrival.
SOON_MS = 2000
#: So many recipients asking from one network block within this time are one machine.
CROWD_MS = 3000
CROWD_PEOPLE = 15


class Hit(NamedTuple):
    """One request for a link or picture of a mail; ids only."""

    seq: int
    """Unique number from the intake."""
    kind: str
    """open, click, or page: somebody looked at a leaving page, which only tells of a burst."""
    delivery_id: int
    """0 where counted without a person."""
    target: int
    """The link of a click; the campaign of an open without a person; which page."""
    ms: int
    """When, in milliseconds since 1970."""
    verdict: str
    reason: str
    block: str
    """Salted hash of the network block; empty where it says nothing."""


@dataclass(frozen=True)
class Facts:
    """What the database knows about the mails that were hit."""

    sent_ms: Mapping[int, int] = field(default_factory=dict)
    """By delivery: when the mail was handed over."""
    links: Mapping[int, int] = field(default_factory=dict)
    """By delivery: how many links its campaign has."""


class Look(NamedTuple):
    """A verdict with its reason."""

    verdict: str
    reason: str


class Headers(Protocol):
    """Of a request; names in any case."""

    def get(self, name: str, default: str, /) -> str:
        """One header."""
        ...


def of_request(kind: str, method: str, headers: Headers) -> Look:
    """The first look: what one request says about itself."""
    if method == "HEAD":
        return Look(MACHINE, "asked without wanting an answer (HEAD)")
    if _is_prefetch(headers):
        return Look(MACHINE, "fetched ahead, before anybody asked")
    agent = agents.classify(headers.get("User-Agent", ""))
    if agent.kind == "proxy":
        if kind == "open":
            return Look(HUMAN, f"opened in {agent.name}")
        return Look(MACHINE, f"{agent.name} looked at the link")
    # The bare name that Apple's preloading shows is telling for pictures only.
    if agent.kind == "machine" and not (kind != "open" and agent is agents.PRELOADER):
        return Look(MACHINE, agent.name)
    return Look(HUMAN, "")


def block_of(address: str, user_agent: str, *, salt: bytes) -> str:
    """A short hash of the /24 or /48; empty where the network tells nothing about the person.

    Private and loopback addresses are those of a proxy in front of us, and a mail provider's
    picture proxy asks for everybody it serves.
    """
    if agents.classify(user_agent).kind == "proxy":
        return ""
    network = _network(address)
    return hmac.digest(salt, network.encode(), hashlib.sha256)[:6].hex() if network else ""


@lru_cache(maxsize=4096)
def _network(address: str) -> str:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    if not ip.is_global:
        return ""
    return shortened(str(ip))


def _is_prefetch(headers: Headers) -> bool:
    said = " ".join(
        headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
    ).lower()
    return "prefetch" in said or "preview" in said or "prerender" in said


def together(hits: Sequence[Hit], facts: Facts) -> list[Look]:
    """The second look: a verdict for each of `hits`, in their order."""
    looks = [Look(hit.verdict, hit.reason) for hit in hits]
    for index in _too_soon(hits, facts):
        _condemn(looks, index, "came before anybody could have read the mail")
    for index in _bursts(hits, facts):
        _condemn(looks, index, "all links of the mail within two seconds")
    for index in _crowds(hits):
        _condemn(looks, index, "one network asked for many people's mails at once")
    return looks


def _condemn(looks: list[Look], index: int, reason: str) -> None:
    if looks[index].verdict == HUMAN:
        looks[index] = Look(MACHINE, reason)


def _too_soon(hits: Sequence[Hit], facts: Facts) -> Iterable[int]:
    for index, hit in enumerate(hits):
        sent = facts.sent_ms.get(hit.delivery_id)
        if sent is not None and hit.ms - sent < SOON_MS:
            yield index


def _bursts(hits: Sequence[Hit], facts: Facts) -> Iterable[int]:
    for mail, members in _grouped(hits, _mail_of).items():
        delivery_id = hits[members[0]].delivery_id
        links = facts.links.get(delivery_id, 0)

        def is_burst(seen: Counter[Hashable], links: int = links) -> bool:
            targets = [target for target in seen if target is not None]
            followed = sum(1 for target in targets if isinstance(target, int) and target > 0)
            everything = len(targets) > 1 and 0 < links <= followed
            return len(targets) >= BURST_TARGETS or everything

        if mail is not None:
            yield from _windows(hits, members, BURST_MS, _target_of, is_burst)


def _mail_of(hit: Hit) -> Hashable:
    """Hits of one mail belong together; without a person, those of one network block do."""
    if hit.delivery_id:
        return hit.delivery_id
    return hit.block or None


def _target_of(hit: Hit) -> Hashable:
    return None if hit.kind == "open" else hit.target


def _crowds(hits: Sequence[Hit]) -> Iterable[int]:
    for block, members in _grouped(hits, lambda hit: hit.block).items():
        if block and len(members) >= CROWD_PEOPLE:
            yield from _windows(
                hits, members, CROWD_MS, lambda hit: hit.delivery_id or None,
                lambda seen: len([person for person in seen if person]) >= CROWD_PEOPLE,
            )  # fmt: skip


def _grouped(hits: Sequence[Hit], key: Callable[[Hit], Hashable]) -> dict[Hashable, list[int]]:
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for index in sorted(range(len(hits)), key=lambda index: hits[index].ms):
        groups[key(hits[index])].append(index)
    return groups


def _windows(
    hits: Sequence[Hit],
    members: Sequence[int],
    width_ms: int,
    value: Callable[[Hit], Hashable],
    is_telling: Callable[[Counter[Hashable]], bool],
) -> Iterable[int]:
    """The members that lie in any window of `width_ms` that is telling; each once."""
    seen: Counter[Hashable] = Counter()
    start, told = 0, 0
    for end, index in enumerate(members):
        seen[value(hits[index])] += 1
        while hits[index].ms - hits[members[start]].ms > width_ms:
            gone = value(hits[members[start]])
            seen[gone] -= 1
            if not seen[gone]:
                del seen[gone]
            start += 1
        if is_telling(seen):
            yield from members[max(start, told) : end + 1]
            told = end + 1
