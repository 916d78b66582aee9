"""A file of contacts as people really have them, and what must come of each row."""

from __future__ import annotations

import csv
import io
import random
from dataclasses import dataclass, field

FIRST = (
    "Anna", "Björn", "Çelik", "Dmitri", "Élodie", "François", "Gül", "Håkon", "Ines", "Jürgen",
    "Katarzyna", "Łukasz", "María", "Nuño", "Ólafur", "Péter", "Quinn", "Renée", "Søren", "Tomáš",
    "Uwe", "Vera", "Wren", "Xóchitl", "Yıldız", "Zoë", "O'Neil", "Jean-Luc", "美咲", "Ольга",  # noqa: RUF001
)  # fmt: skip
LAST = (
    "Müller",
    "Ångström",
    "de la Cruz",
    "O'Brien",
    "Nguyễn",
    "Özdemir",
    "Dvořák",
    "Smith-Jones",
    "van der Berg",
    "Straße",
    "Ivanova",
    "García",
    "Kowalski",
    "Þórsson",
    "李",
    "Lopez, Jr.",
)
COMPANY = (
    "", "", "", 'Café "Zum Löwen"', "Müller & Söhne GmbH; Co. KG", "Smith, Jones and Partners",
    "Blumen Ünlü", "L'Atelier", "Bakery #1", "100% Bio",
)  # fmt: skip
CITY = ("Köln", "Łódź", "São Paulo", "Zürich", "Reykjavík", "Ho Chi Minh; Stadt", "Paris\n2e")
BAD = (
    "not an address", "missing.at.example.com", "two@@example.com", "@example.com", "name@",
    "spaces in@example.com", "name@exa mple.com", "name@.example.com", "a@b@c.example.com",
)  # fmt: skip
FORMULA = ("=1+1", '=HYPERLINK("http://example.com","x")', "+49 30 12345", "@SUM(A1:A9)", "-2+3")
COLUMNS = ("E-Mail", "First name", "Last name", "Company", "City", "Customer no.")


@dataclass
class Person:
    """What LeaderSend must know about one address."""

    email: str
    first: str
    last: str


@dataclass
class Plan:
    """The file, and the numbers that its import must end with."""

    people: dict[str, Person] = field(default_factory=dict)
    """By address in lower case; those kept out included."""
    kept_out: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    """Those whose mail server says that there is no such person."""
    rows: int = 0
    doubles: int = 0
    """Second rows of an address that may be mailed."""
    kept_out_rows: int = 0
    bad: int = 0
    text: str = ""

    @property
    def created(self) -> int:
        """Addresses that must be mailed."""
        return len(self.people) - len(self.kept_out)

    @property
    def expected(self) -> set[str]:
        """Exactly whom the campaign is meant for."""
        return set(self.people) - self.kept_out


def make(size: int, kept_out: int, *, refused: int = 0, seed: int = 7) -> Plan:
    """`size` people, of whom `kept_out` must not be mailed, among awkward rows; and `refused`
    whom the mail catcher refuses."""
    chance = random.Random(seed)  # noqa: S311
    plan = Plan()
    rows: list[list[str]] = []
    for number in range(size):
        person = Person(_address(number, chance), chance.choice(FIRST), chance.choice(LAST))
        plan.people[person.email.lower()] = person
        rows.append(_row(person, number, chance))
    plan.kept_out = set(chance.sample(sorted(plan.people), kept_out))
    for number in range(refused):
        person = Person(f"bounce+hard@shop{number}.example", "Vera", "Gone")
        plan.people[person.email] = person
        plan.refused.add(person.email)
        rows.append(_row(person, 1, chance))
    _add_awkward(plan, rows, chance)
    plan.rows = len(rows)
    plan.kept_out_rows = sum(1 for row in rows if row[0].strip().lower() in plan.kept_out)
    plan.text = _as_text(rows, chance)
    return plan


def _address(number: int, chance: random.Random) -> str:
    name = chance.choice(("vera", "bob.baker", "jean-luc", "o'neil", "info", "m_mustermann"))
    domain = chance.choice(("example.com", "mail.example", "shop.example", "post.example.org"))
    email = f"{name}+{number}@{domain}" if number % 9 == 0 else f"{name}.{number}@{domain}"
    return email.title() if number % 11 == 0 else email


def _row(person: Person, number: int, chance: random.Random) -> list[str]:
    if number % 101 == 0:
        # A formula in a name is text, and stays it.
        person.first = chance.choice(FORMULA)
    email = f"  {person.email} " if number % 13 == 0 else person.email
    company, city = chance.choice(COMPANY), chance.choice(CITY)
    return [email, person.first, person.last, company, city, f"{number:06d}"]


def _add_awkward(plan: Plan, rows: list[list[str]], chance: random.Random) -> None:
    """Doubles that differ in case, and addresses that are none."""
    allowed = sorted(plan.expected - plan.refused)
    for address in chance.sample(allowed, len(allowed) // 40):
        person = plan.people[address]
        double = [person.email.upper(), person.first, person.last, "", "", ""]
        rows.insert(chance.randrange(len(rows) // 2, len(rows)), double)
        plan.doubles += 1
    for number in range(len(rows) // 50):
        bad = [BAD[number % len(BAD)], "Bad", f"Row {number}", "", "", ""]
        rows.insert(chance.randrange(len(rows)), bad)
        plan.bad += 1


def _as_text(rows: list[list[str]], chance: random.Random) -> str:
    """With a byte order mark, CRLF and blank lines, as spreadsheets write it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(row)
        if chance.random() < 0.005:
            out.write("\r\n")
    return "\ufeff" + out.getvalue()


def rows_of(text: str) -> int:
    """How many rows a CSV has below its header."""
    return max(0, sum(1 for _ in csv.reader(io.StringIO(text.lstrip("\ufeff")))) - 1)
