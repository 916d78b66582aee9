"""The plans that the operator offers, and how much each allows.

They stand in `plans.toml` in the data folder, which is read again when it changes; without that
file, in STANDARD. See docs/billing.md.
"""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from app.core import settings

log = logging.getLogger(__name__)

STANDARD = """
[free]
name = "Free"
contacts = 500
mails = 3000
people = 2
senders = 2

[small]
name = "Small"
contacts = 5000
mails = 50000
people = 5
senders = 10

[large]
name = "Large"
contacts = 50000
mails = 500000
people = 25
senders = 50
"""
#: What a plan limits, in the words of pages.
LIMITS = {
    "contacts": "contacts",
    "mails": "mails a month",
    "people": "people who sign in",
    "senders": "senders",
}


class BadPlans(Exception):
    """The file of plans cannot be used; the message says why and where."""


class HasPlan(Protocol):
    """What is asked of an account."""

    id: Any
    plan: Any
    vouched: Any


@dataclass(frozen=True)
class Plan:
    """How much an account may use; None is without limit."""

    key: str
    name: str
    contacts: int | None = None
    mails: int | None = None
    """A calendar month, UTC."""
    people: int | None = None
    senders: int | None = None
    price: str = ""
    """As it is shown: "€ 9 a month, plus VAT"."""
    price_id: str = ""
    """The provider's; a plan without one is not for sale."""

    def limit(self, what: str) -> int | None:
        """By a name of LIMITS."""
        found: int | None = getattr(self, what)
        return found

    @property
    def is_unlimited(self) -> bool:
        """Whether nothing is limited."""
        return all(self.limit(what) is None for what in LIMITS)


UNLIMITED = Plan("unlimited", "No limits")
_read: dict[Path, tuple[int, dict[str, Plan]]] = {}


def plan_of(account: HasPlan) -> Plan:
    """What holds for an account: nothing while billing is off, or where the operator vouches."""
    if account.vouched or not settings.get().BILLING:
        return UNLIMITED
    plans = catalogue()
    return plans.get(account.plan) or next(iter(plans.values()))


def catalogue() -> dict[str, Plan]:
    """All plans by their key, smallest first; the first is what a new account has."""
    path = _path()
    try:
        stamp = path.stat().st_mtime_ns
    except OSError:
        stamp = 0
    known = _read.get(path)
    if known and known[0] == stamp:
        return known[1]
    try:
        plans = parse(path.read_text() if stamp else STANDARD)
    except (BadPlans, OSError) as error:
        # A slip of the pen must not stop anybody's mail: what held before holds on.
        log.error("%s cannot be used: %s", path, error)
        plans = known[1] if known else parse(STANDARD)
    _read[path] = (stamp, plans)
    return plans


def examine() -> dict[str, Plan]:
    """As `catalogue`, but raises BadPlans."""
    path = _path()
    return parse(path.read_text() if path.exists() else STANDARD)


def parse(text: str) -> dict[str, Plan]:
    """Plans as TOML, a table each. Raises BadPlans."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadPlans(f"It is no TOML: {error}.") from None
    if not tables:
        raise BadPlans("There is no plan in it.")
    plans = {key: _plan(key, table) for key, table in tables.items()}
    if next(iter(plans.values())).price_id:
        raise BadPlans("The first plan is what everybody begins with: it has no price_id.")
    prices = [plan.price_id for plan in plans.values() if plan.price_id]
    if len(prices) != len(set(prices)):
        raise BadPlans("Two plans have the same price_id.")
    return plans


def _plan(key: str, table: object) -> Plan:
    if not isinstance(table, Mapping):
        raise BadPlans(f"{key} is no plan: begin one with [{key}].")
    if not (key.isascii() and key.replace("-", "").isalnum() and len(key) <= 32):
        raise BadPlans(f"[{key}]: letters, digits and hyphens, at most 32.")
    texts = {name: table.get(name, "") for name in ("name", "price", "price_id")}
    if wrong := [name for name, value in texts.items() if not isinstance(value, str)]:
        raise BadPlans(f"[{key}]: {wrong[0]} must be a text.")
    if unknown := set(table) - {*texts, *LIMITS}:
        raise BadPlans(f"[{key}]: {min(unknown)} is not known.")
    limits = {what: _limit(key, what, table.get(what)) for what in LIMITS}
    return Plan(
        key=key, name=texts["name"] or key.capitalize(), price=texts["price"],
        price_id=texts["price_id"], contacts=limits["contacts"], mails=limits["mails"],
        people=limits["people"], senders=limits["senders"],
    )  # fmt: skip


def _limit(key: str, what: str, value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadPlans(f"[{key}]: {what} must be a number from 1; leave it out for no limit.")
    return value


def by_price(price_id: str) -> Plan | None:
    """The plan that somebody pays who pays this price."""
    return next((plan for plan in catalogue().values() if plan.price_id == price_id), None)


def for_sale() -> Sequence[Plan]:
    """What can be paid for."""
    return [plan for plan in catalogue().values() if plan.price_id]


def rank(key: str) -> int:
    """Place in the catalogue; what is not in it is the least."""
    keys = list(catalogue())
    return keys.index(key) if key in keys else -1


def _path() -> Path:
    config = settings.get()
    return Path(config.PLANS) if config.PLANS else config.LEADERSEND_HOME / "plans.toml"
