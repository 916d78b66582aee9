"""What a visitor typed into a form: cleaned, and checked in the visitor's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.contacts import fields, typos
from app.contacts.domain_rules import Rules
from app.contacts.signup.design import FIXED, OWN, Design, Question
from app.contacts.signup.words import Words
from app.contacts.text import CardNumber, clean_line, has_card_number
from app.core.errors import Invalid
from app.mailer.address import BadAddress, parse

LONGEST = 500
WRONG_TYPES = {"number": "wrong_number", "date": "wrong_date"}


@dataclass
class Answers:
    """One form as it was sent in."""

    email: str = ""
    names: dict[str, str] = field(default_factory=dict)
    """first_name, last_name, company."""
    fields: dict[str, Any] = field(default_factory=dict)
    """Fields of the account's own by key, as typed."""
    lists: list[int] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    """Name of the field → what is wrong, in the visitor's words."""
    sure_of: str = ""
    """The address that looks mistyped; sent in once more, it counts."""

    def told(self) -> dict[str, Any]:
        """What there is about the person, without the address."""
        return {**self.names, **({"fields": self.fields} if self.fields else {})}


def read(
    design: Design, given: Mapping[str, str], lists: list[int], t: Words, domains: Rules
) -> Answers:
    """`lists` are those that were ticked; without a choice, all of the form count."""
    found = Answers(email=clean_line(given.get("email", ""), 330))
    _read_email(found, given, t, domains)
    for question in design.questions:
        _read_one(found, question, given.get(question.key, ""), t)
    offered = [one.id for one in design.lists]
    chosen = design.visitor_chooses and len(offered) > 1
    found.lists = [one for one in offered if one in lists] if chosen else offered
    if not found.lists:
        found.errors["lists"] = t("wrong_lists")
    if design.consent_box and given.get("consent") != "yes":
        found.errors["consent"] = t("wrong_consent")
    return found


def _read_email(found: Answers, given: Mapping[str, str], t: Words, domains: Rules) -> None:
    try:
        address = parse(found.email)
    except BadAddress:
        found.errors["email"] = t("wrong_email")
        return
    if domains.refuses(address.domain):
        found.errors["email"] = t("wrong_domain")
        return
    meant = typos.meant(address.email)
    if meant and given.get("sure") != found.email:
        found.errors["email"] = t("meant", meant=meant)
        found.sure_of = found.email


def _read_one(found: Answers, question: Question, given: str, t: Words) -> None:
    text = clean_line(given, LONGEST + 1)
    if question.required and not text:
        found.errors[question.key] = t("wrong_missing")
        return
    if not text:
        return
    if len(text) > (200 if question.key in FIXED else LONGEST):
        found.errors[question.key] = t("wrong_long")
    elif has_card_number(text):
        found.errors[question.key] = t("wrong_card")
    elif question.key in FIXED:
        found.names[question.key] = text
    else:
        _read_own(found, question, text, t)


def _read_own(found: Answers, question: Question, text: str, t: Words) -> None:
    try:
        value = fields.read(question.type, question.label, text)
    except CardNumber:
        found.errors[question.key] = t("wrong_card")
    except Invalid:
        found.errors[question.key] = t(WRONG_TYPES.get(question.type, "wrong_value"))
    else:
        found.fields[question.key.removeprefix(OWN)] = value
