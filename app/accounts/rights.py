"""What people may do in an account: rights, and the roles that are sets of them.

A role is all that most accounts need. Where it does not fit, a Membership has rights of its own
instead of those of its role.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.accounts.models import Invitation, Membership

#: In the order in which pages show them, with the words that a person reads.
RIGHTS = {
    "contacts.read": "See contacts, lists, segments and forms",
    "contacts.change": "Change and import contacts, lists, segments and forms",
    "contacts.export": "Download contacts and recipients",
    "campaigns.write": "Write campaigns and send tests",
    "campaigns.approve": "Approve campaigns that somebody else wrote",
    "campaigns.send": "Send, pause and cancel campaigns; keep senders",
    "reports.read": "See campaigns, receipts and reports",
    "settings": "Change the business, domains, mail servers and what belongs to sending",
    "people": "Invite and remove people, and see the audit",
    "billing": "See and change the plan and invoices",
}
ALL = frozenset(RIGHTS)
#: Who may do the one could not do it without the other.
IMPLIED = {
    "contacts.change": ("contacts.read",),
    "contacts.export": ("contacts.read",),
    "campaigns.write": ("reports.read",),
    "campaigns.approve": ("reports.read",),
    "campaigns.send": ("reports.read",),
}


@dataclass(frozen=True)
class Role:
    """A set of rights with a name."""

    label: str
    words: str
    """What somebody with it does, for who chooses."""
    rights: frozenset[str]


_LOOKS = frozenset({"contacts.read", "reports.read"})
_CONTACTS = frozenset({"contacts.change", "contacts.export"})
ROLES = {
    "owner": Role("Owner", "everything, people, settings and money among it", ALL),
    "editor": Role(
        "Editor",
        "contacts, writing and sending",
        _LOOKS | _CONTACTS | {"campaigns.write", "campaigns.send"},
    ),
    "writer": Role("Writer", "writes campaigns, does not send", _LOOKS | {"campaigns.write"}),
    "approver": Role(
        "Approver", "reads campaigns and approves them", _LOOKS | {"campaigns.approve"}
    ),
    "sender": Role("Sender", "sends what others wrote", _LOOKS | {"campaigns.send"}),
    "viewer": Role("Viewer", "looks, and changes nothing", _LOOKS),
}


def of(place: Membership | Invitation | None) -> frozenset[str]:
    """What a person may do there, or what an invitation offers."""
    if place is None:
        return frozenset()
    if place.rights is not None:
        return frozenset(place.rights) & ALL
    role = ROLES.get(place.role)
    return role.rights if role else frozenset()


def allows(held: frozenset[str], wanted: str) -> bool:
    """Whether rights are enough for a right, or for all that a role may do."""
    role = ROLES.get(wanted)
    return role.rights <= held if role else wanted in held


def in_words(place: Membership | Invitation) -> list[str]:
    """What they may do there, for people."""
    held = of(place)
    return [words for right, words in RIGHTS.items() if right in held]


def completed(chosen: Iterable[str]) -> frozenset[str]:
    """Known rights, with those that they need."""
    found = {right for right in chosen if right in ALL}
    for right in list(found):
        found.update(IMPLIED.get(right, ()))
    return frozenset(found)


def stored(role: str, chosen: Iterable[str]) -> list[str] | None:
    """As a Membership keeps it: None where the rights are those of the role."""
    found = completed(chosen)
    return None if found == ROLES[role].rights else [right for right in RIGHTS if right in found]
