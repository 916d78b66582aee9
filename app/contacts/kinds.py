"""Person or organisation: worked out from what is known, with the reason why.

Pure and quick: it is in the hot path of imports. What the owner says by hand is kept with the
contact (`kind_by`) and wins over everything here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from app.contacts import domain_lists
from app.contacts.models import Contact
from app.contacts.text import ROLES, words

#: Ends of a company's name that nobody has for a surname.
_PLAIN_FORMS = words(
    """
    gmbh ggmbh mbh ohg gbr kgaa ltd limited llc llp inc incorporated corp corporation plc pty
    sarl s.a.r.l s.à.r.l sàrl s.r.l srl s.p.a s.a s.a.s s.l s.l.u ltda s.r.o d.o.o kft zrt b.v n.v
    oyj aps a/s e.v e.k e.u sp.z.o.o z.o.o s.n.c s.c.s s.c a.s k.k
    """
)
#: Ends that only tell where there is no name of a person beside them: Sa, As, Ag and Co are names.
_SHORT_FORMS = words("ag kg ug se eg sa sas sl slu spa bv nv ab as oy co cv hb snc scs")

REASONS = {
    "hand": "you said so",
    "person": "they said so themselves",
    "api": "a program of yours said so",
    "file": "a file said so",
    "legal_form": "the name ends like a company's",
    "company": "there is a company and no person's name",
    "role": "the address belongs to a desk, not to a person",
    "name": "there is a person's name",
    "free_mail": "the address is one that private people have",
    "unknown": "nothing speaks for an organisation",
    "before": "that is how it came in",
}


@dataclass(frozen=True)
class Kind:
    """`kind` is person or organisation; `reason` a key of REASONS."""

    kind: str
    reason: str

    @property
    def words(self) -> str:
        """Why, for people."""
        return REASONS[self.reason]


def guess(local: str, first: str, last: str, company: str) -> str:
    """person or organisation; what `explain` says, without the reason and in a tenth of its time.

    `local` is the part of the address before the @.
    """
    if first or last:
        return "organisation" if _is_company(first, last, company) else "person"
    return "organisation" if company or is_role(local) else "person"


def explain(address: str, first: str, last: str, company: str) -> Kind:
    """The kind and why."""
    local, _, domain = address.rpartition("@")
    if first or last:
        if _is_company(first, last, company):
            return Kind("organisation", "legal_form")
        return Kind("person", "name")
    if company:
        formal = has_legal_form(company, alone=True)
        return Kind("organisation", "legal_form" if formal else "company")
    if is_role(local):
        return Kind("organisation", "role")
    return Kind("person", "free_mail" if domain_lists.is_free_mail(domain) else "unknown")


def of(contact: Contact) -> Kind:
    """The kind that a contact has, with the reason for it."""
    if contact.kind_by:
        return Kind(contact.kind, contact.kind_by)
    names = (contact.first_name, contact.last_name, contact.company)
    found = explain(contact.address, *names)
    return found if found.kind == contact.kind else Kind(contact.kind, "before")


def is_role(local: str) -> bool:
    """Whether a local part belongs to a desk: info, sales, buchhaltung; also info+shop."""
    return local.partition("+")[0].lower() in ROLES


def _is_company(first: str, last: str, company: str) -> bool:
    """Whether what stands in the fields for names is the name of a company."""
    if has_legal_form(last or first):
        return True
    return bool(company) and f"{first} {last}".strip().lower() == company.lower()


# Surnames repeat, and most of them are looked up here once for thousands of rows.
@lru_cache(maxsize=16_384)
def has_legal_form(name: str, *, alone: bool = False) -> bool:
    """Whether a name ends in GmbH, Ltd, S.A. and the like; `alone`: no person's name is near."""
    head, _, tail = name.rpartition(" ")
    if not head:
        return False
    end = tail.strip(".,()").lower()
    return end in _PLAIN_FORMS or (alone and end in _SHORT_FORMS)
