"""What is kept how long, as rules that anybody may read: pages, and the privacy policy.

The table of rules stands in one place (`app.trust.rules`), is registered when a process starts
and is kept by `app.trust.forgetting`. This module only says what it says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from app.core.languages import APOSTROPHE

Forget = Callable[[datetime, int], int]
"""Forget at most so many things that were over before a moment; returns how many it were. Opens
its own transactions. Fewer than asked for means that nothing is left for now."""


@dataclass(frozen=True)
class Rule:
    """One kind of data, for how long it is kept, and why."""

    key: str
    what: str
    """For example: Who opened and who clicked."""
    why: str
    days: int | None = None
    """Kept so long after its end; None where no number of days says it: see `until`."""
    least: int = 0
    """What the operator may choose; 0 for both where the time is fixed."""
    most: int = 0
    until: str = ""
    """In words, where there are no days: as long as the account exists."""
    of: str = "account"
    """Whose data it is: account (its people and members), reader, visitor, operator."""
    forget: Forget | None = None
    """None where it goes with something else, at once."""

    @property
    def is_fixed(self) -> bool:
        """Whether the operator has no choice."""
        return not self.most


@dataclass(frozen=True)
class Kept:
    """A rule as it holds now."""

    rule: Rule
    days: int | None

    @property
    def how_long(self) -> str:
        """In words: 30 days; 3 years; as long as the account exists."""
        return in_words(self.days) if self.days is not None else self.rule.until

    def how_long_in(self, language: str) -> str:
        """The same in another language; empty where its words are not known."""
        if language == "en":
            return self.how_long
        if self.days is None:
            until = UNTIL.get(language, {}).get(self.rule.until, "")
            return until.replace("'", APOSTROPHE)
        return in_words(self.days, language)


#: One and many of each, by language.
UNITS = {
    "en": {"year": ("year", "years"), "month": ("month", "months"), "day": ("day", "days")},
    "de": {"year": ("Jahr", "Jahre"), "month": ("Monat", "Monate"), "day": ("Tag", "Tage")},
    "fr": {"year": ("an", "ans"), "month": ("mois", "mois"), "day": ("jour", "jours")},
    "es": {"year": ("año", "años"), "month": ("mes", "meses"), "day": ("día", "días")},
    "it": {"year": ("anno", "anni"), "month": ("mese", "mesi"), "day": ("giorno", "giorni")},
    "nl": {"year": ("jaar", "jaar"), "month": ("maand", "maanden"), "day": ("dag", "dagen")},
}
#: What `until` of rules says, for texts in other languages.
UNTIL = {
    "de": {
        "as long as the account exists": "solange das Konto besteht",
        "as long as the account exists, or until its people erase them": (
            "solange das Konto besteht, oder bis jemand dort sie löscht"
        ),
        "as long as the account exists, or until the person is erased": (
            "solange das Konto besteht, oder bis die Person gelöscht wird"
        ),
        "while they are barred": "solange sie gesperrt sind",
    },
    "fr": {
        "as long as the account exists": "tant que le compte existe",
        "as long as the account exists, or until its people erase them": (
            "tant que le compte existe, ou jusqu'à ce que ses membres les effacent"
        ),
        "as long as the account exists, or until the person is erased": (
            "tant que le compte existe, ou jusqu'à ce que la personne soit effacée"
        ),
        "while they are barred": "tant que l'accès leur est fermé",
    },
    "es": {
        "as long as the account exists": "mientras exista la cuenta",
        "as long as the account exists, or until its people erase them": (
            "mientras exista la cuenta, o hasta que alguien de ella los borre"
        ),
        "as long as the account exists, or until the person is erased": (
            "mientras exista la cuenta, o hasta que se borre a la persona"
        ),
        "while they are barred": "mientras estén bloqueados",
    },
    "it": {
        "as long as the account exists": "finché esiste l'account",
        "as long as the account exists, or until its people erase them": (
            "finché esiste l'account, o finché qualcuno dell'account li elimina"
        ),
        "as long as the account exists, or until the person is erased": (
            "finché esiste l'account, o finché la persona viene eliminata"
        ),
        "while they are barred": "finché sono bloccati",
    },
    "nl": {
        "as long as the account exists": "zolang het account bestaat",
        "as long as the account exists, or until its people erase them": (
            "zolang het account bestaat, of tot iemand van het account ze wist"
        ),
        "as long as the account exists, or until the person is erased": (
            "zolang het account bestaat, of tot de persoon wordt gewist"
        ),
        "while they are barred": "zolang ze geblokkeerd zijn",
    },
}

_rules: dict[str, Rule] = {}
_chosen: list[Callable[[], dict[str, int]]] = []


def register(rules: Iterable[Rule], chosen: Callable[[], dict[str, int]]) -> None:
    """Called when a process starts; `chosen` reads what the operator chose, in days by key."""
    _rules.clear()
    _rules.update({rule.key: rule for rule in rules})
    _chosen[:] = [chosen]


def rule(key: str) -> Rule:
    """One rule. Raises KeyError."""
    return _rules[key]


def everything() -> list[Kept]:
    """All rules as they hold now, in the order of the table: for pages and the privacy policy."""
    chosen = _chosen[0]() if _chosen else {}
    return [Kept(one, _within(one, chosen.get(one.key))) for one in _rules.values()]


def days(key: str) -> int:
    """For how many days that kind is kept now."""
    one = _rules[key]
    found = _within(one, _chosen[0]().get(key) if _chosen else None)
    if found is None:
        raise ValueError(f"{key} is not kept for a number of days.")
    return found


def _within(one: Rule, chosen: int | None) -> int | None:
    """Bounds may have become narrower since somebody chose."""
    if one.days is None or one.is_fixed or chosen is None:
        return one.days
    return min(max(chosen, one.least), one.most)


def in_words(days: int, language: str = "en") -> str:
    """30 days; 3 years; 18 months."""
    if days % 365 == 0 and days:
        n, unit = days // 365, "year"
    elif days % 30 == 0 and days >= 90:
        n, unit = days // 30, "month"
    else:
        n, unit = days, "day"
    one, many = UNITS[language][unit]
    return f"{n} {one if n == 1 else many}"
