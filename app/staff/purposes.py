"""What the operator's people are there for, and what each purpose lets them see of an account.

This table is the only place that says so. A page, a panel or a download of the staff console
names a kind; where the purpose of the look does not hold it, nothing of it is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Kinds of objects of an account, in the words of the access book.
KINDS = {
    "business": "the business: name, address, state, plan",
    "people": "who works in the account",
    "sending": "senders, domains and mail servers",
    "campaigns": "names, states and numbers of campaigns",
    "contacts": "numbers of contacts and lists",
    "contact": "one contact",
    "choices": "what the people agreed to",
    "takeout": "a take-out of everything",
    "tickets": "letters to support",
    "billing": "plan, invoices and payments",
    "abuse": "complaints, limits and suspension",
    "registers": "what was disclosed to others",
    "log": "changes that people of the account made",
}


@dataclass(frozen=True)
class Purpose:
    """One of the reasons for which staff may look into an account."""

    label: str
    about: str
    """For the customer: what somebody with it does."""
    sees: frozenset[str]
    is_refusable: bool = False
    """The owner may say that nobody looks in for it without being asked."""


def _purpose(label: str, about: str, *sees: str, is_refusable: bool = False) -> Purpose:
    return Purpose(label, about, frozenset(sees), is_refusable)


PURPOSES = {
    "support": _purpose(
        "Support", "answers your questions",
        "business", "people", "sending", "campaigns", "contacts", "contact", "tickets", "takeout",
        "log", is_refusable=True,
    ),
    "service": _purpose(
        "Service", "keeps the machines running",
        "business", "sending", "campaigns",
    ),
    "marketing": _purpose(
        "Marketing", "writes to customers who agreed to it",
        "business", "choices",
    ),
    "billing": _purpose(
        "Billing", "looks after plans and payments",
        "business", "people", "billing",
    ),
    "abuse": _purpose(
        "Abuse", "looks into complaints and misuse",
        "business", "people", "sending", "campaigns", "contacts", "abuse", "registers", "log",
    ),
}  # fmt: skip


def may_see(purpose: str, kind: str) -> bool:
    """Whether a look for that purpose may see that kind of object."""
    return purpose in PURPOSES and kind in PURPOSES[purpose].sees
