"""What is worth knowing about addresses before and after they are taken in.

Typing errors of domains, desks (info@) and throw-away mailboxes: shown and counted, never refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from app.contacts import domain_lists
from app.contacts.text import ROLES
from app.contacts.typos import MEANT

if TYPE_CHECKING:
    from app.contacts.rows import Person

NAMES = ("role", "disposable", "repaired")
Marks = dict[str, Any]
"""{role: n, disposable: n, repaired: n, typos: {domain as typed: n}}."""


@cache
def disposable() -> frozenset[str]:
    """Domains of throw-away addresses, but for typing errors; read when first needed."""
    return domain_lists.disposable() - MEANT.keys()


def of(person: Person) -> list[str]:
    """What a preview says about one address: role, disposable, repaired, typo."""
    domain = _domain(person)
    found = {
        "role": person.local.lower() in ROLES,
        "disposable": domain in disposable(),
        "repaired": person.repaired,
        "typo": domain in MEANT,
    }
    return [name for name, is_so in found.items() if is_so]


def look(people: Iterable[Person]) -> Marks:
    """Counts of a chunk."""
    people = list(people)
    domains = Counter(map(_domain, people))
    thrown = domains.keys() & disposable()
    return {
        "role": sum(person.local.lower() in ROLES for person in people),
        "disposable": sum(domains[domain] for domain in thrown),
        "repaired": sum(person.repaired for person in people),
        "typos": {domain: domains[domain] for domain in domains.keys() & MEANT.keys()},
    }


def _domain(person: Person) -> str:
    return person.address.rpartition("@")[2]


def together(one: Mapping[str, Any], other: Mapping[str, Any]) -> Marks:
    """The sum of two."""
    whole: Marks = {name: one.get(name, 0) + other.get(name, 0) for name in NAMES}
    whole["typos"] = dict(Counter(one.get("typos", {})) + Counter(other.get("typos", {})))
    return whole


def proposals(found: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    """(as typed, as it was most likely meant, how often), the commonest first."""
    typos = sorted(found.get("typos", {}).items(), key=lambda one: (-one[1], one[0]))
    return [(typed, MEANT[typed], often) for typed, often in typos if typed in MEANT]
