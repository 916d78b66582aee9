"""Domains whose people an account keeps out, or the only ones whose people it lets in.

Asked whenever a new address comes in, by whichever way. People who are here already stay as they
are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import idna
import sqlalchemy as sa

from app.contacts.models import DomainRule
from app.core.db import db
from app.core.errors import Invalid, NotFound

MOST = 1_000
#: A name, or all names below one; `*.ru` is a whole top-level domain.
_DOMAIN = re.compile(r"(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z][a-z0-9-]*[a-z0-9]")


@dataclass(frozen=True)
class Rules:
    """The rules of one account."""

    out: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()
    """Empty: everybody may come in who is not kept out."""

    def __bool__(self) -> bool:
        return bool(self.out or self.only)

    def refuses(self, domain: str) -> bool:
        """Whether somebody of this domain (ASCII, small letters) stays out."""
        if not self:
            return False
        names = _covering(domain)
        return not names.isdisjoint(self.out) or bool(self.only and names.isdisjoint(self.only))

    def words(self, domain: str) -> str:
        """Why, for the account's own people."""
        if _covering(domain).isdisjoint(self.out):
            return f"Only some domains are let in, and {domain} is not among them."
        return f"People of {domain} are kept out by your list of domains."


def _covering(domain: str) -> set[str]:
    """The domain, and the rules that speak of all below something: a.b.example → *.b.example …"""
    parts = domain.split(".")
    return {domain, *(f"*.{'.'.join(parts[at:])}" for at in range(1, len(parts)))}


def of(account_id: int) -> Rules:
    """What is asked of everybody who comes in."""
    found = all_rules(account_id)
    return Rules(
        frozenset(one.domain for one in found if not one.lets_in),
        frozenset(one.domain for one in found if one.lets_in),
    )


def all_rules(account_id: int) -> Sequence[DomainRule]:
    """By name."""
    query = sa.select(DomainRule).where(DomainRule.account_id == account_id)
    return db.session.scalars(query.order_by(DomainRule.domain).limit(MOST)).all()


def refuse(account_id: int, address: str) -> None:
    """Raises Invalid for a normalised address that stays out."""
    rules, domain = of(account_id), address.rpartition("@")[2]
    if rules.refuses(domain):
        words = rules.words(domain)
        raise Invalid(words, {"email": [words]})


def read(text: str) -> str:
    """A domain as it is kept: @Bäcker.example → xn--bcker-gra.example. Raises Invalid."""
    typed = text.strip().lower().removeprefix("@").rstrip(".")
    star = "*." if typed.startswith("*.") else ""
    name = typed.removeprefix("*.")
    try:
        plain = name if name.isascii() else idna.encode(name, uts46=True).decode()
    except idna.IDNAError:
        plain = ""
    if len(plain) > 250 or not _DOMAIN.fullmatch(star + plain) or not (star or "." in plain):
        text = "Enter a domain, such as example.com, or *.example.com for all below it."
        raise Invalid(text, {"domain": [text]})
    return star + plain


def add(account_id: int, text: str, *, lets_in: bool) -> DomainRule:
    """Keep a domain out, or let only this and others like it in. Raises Invalid."""
    domain = read(text)
    rule = db.session.get(DomainRule, (account_id, domain))
    if rule is None:
        if len(all_rules(account_id)) >= MOST:
            raise Invalid(f"There can be {MOST:,} domains.")
        rule = DomainRule(account_id=account_id, domain=domain)
        db.session.add(rule)
    rule.lets_in = lets_in
    db.session.flush()
    return rule


def remove(account_id: int, domain: str) -> None:
    """Forget a rule. Raises NotFound."""
    rule = db.session.get(DomainRule, (account_id, domain))
    if rule is None:
        raise NotFound("The domain")
    db.session.delete(rule)
    db.session.flush()
