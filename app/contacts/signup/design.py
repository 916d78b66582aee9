"""What a form asks, says and looks like: one value, checked when an owner saves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from app.accounts.models import Account
from app.contacts.models import ContactField, ContactList
from app.contacts.signup import colours, redirecting
from app.contacts.signup.words import LANGUAGES, Words
from app.contacts.text import clean_line, clean_note
from app.core.errors import Invalid

#: What every contact has, beside fields of the account's own.
FIXED = ("first_name", "last_name", "company")
OWN = "field-"
MOST_FIELDS = 20
MOST_LISTS = 20
LINE, TEXT = 200, 2_000
DELAYS = {"button": 0, "delay": 10, "scroll": 50}
TOO_LONG = f"Keep it below {TEXT:,} characters."


@dataclass(frozen=True)
class Question:
    """One field that visitors see, beside the address."""

    key: str
    """first_name, last_name, company, or field-KEY for one of the account's own."""
    label: str
    required: bool = False
    type: str = "text"


@dataclass(frozen=True)
class Choice:
    """A list of the form."""

    id: int
    label: str
    opt_in: str = "double"
    """As the list says at the moment; never stored for long: `brought_up_to_date`."""


@dataclass(frozen=True)
class Design:
    """All that visitors see of a form."""

    language: str = ""
    """Empty: as the visitor's browser asks for."""
    title: str = ""
    intro: str = ""
    questions: tuple[Question, ...] = ()
    lists: tuple[Choice, ...] = ()
    visitor_chooses: bool = False
    consent: str = ""
    """The wording to which people agree; goes into Consent as it was shown."""
    consent_box: bool = False
    """Whether it has to be ticked."""
    button: str = ""
    accent: str = ""
    text: str = ""
    background: str = ""
    """Colours, #rrggbb; empty: ours, light or dark as the visitor's system."""
    thanks: str = ""
    redirect: str = ""

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Design:
        """What `to_json` gave."""
        known = {name: stored[name] for name in cls.__dataclass_fields__ if name in stored}
        known["questions"] = tuple(Question(**one) for one in stored.get("questions", ()))
        known["lists"] = tuple(Choice(**one) for one in stored.get("lists", ()))
        return cls(**known)

    def to_json(self) -> dict[str, Any]:
        """For FormVersion."""
        stored = asdict(self)
        stored["questions"], stored["lists"] = list(stored["questions"]), list(stored["lists"])
        return stored

    def in_language(self, language: str, sender: str) -> Design:
        """With our words wherever the owner left theirs empty."""
        t = Words(language, sender=sender)
        ours = {name: t(name) for name in ("title", "button", "consent", "thanks")}
        own = {name: text for name in ours if (text := getattr(self, name))}
        asked = tuple(
            one if one.label else replace(one, label=t(one.key) if one.key in FIXED else one.key)
            for one in self.questions
        )
        return replace(self, **{**ours, **own}, questions=asked)

    def language_for(self, wanted: str) -> str:
        """The form's own, else the visitor's where we have it, else English."""
        return self.language or (wanted if wanted in LANGUAGES else "en")

    def brought_up_to_date(
        self, lists: Sequence[ContactList], known: Mapping[str, ContactField]
    ) -> Design:
        """Without lists and fields that are gone since, and with each list's rule of today."""
        rules = {one.id: one.opt_in for one in lists if one.archived_at is None}
        asked = [one for one in self.questions if one.key in FIXED or _own(one.key) in known]
        typed = [
            one if one.key in FIXED else replace(one, type=known[_own(one.key)].type)
            for one in asked
        ]
        chosen = [replace(one, opt_in=rules[one.id]) for one in self.lists if one.id in rules]
        return replace(self, questions=tuple(typed), lists=tuple(chosen))


@dataclass
class Reading:
    """A design as an owner typed it, with what is wrong."""

    design: Design
    errors: dict[str, list[str]] = field(default_factory=dict)

    def blame(self, name: str, text: str) -> None:
        """Note what is wrong with a field."""
        self.errors.setdefault(name, []).append(text)


def read(
    account: Account,
    given: Mapping[str, str],
    *,
    lists: Sequence[ContactList],
    known: Mapping[str, ContactField],
) -> Reading:
    """From the fields of the builder's page to a design; whatever is wrong is named."""
    language = given.get("language", "")
    texts = {
        "title": clean_line(given.get("title", ""), LINE + 1),
        "button": clean_line(given.get("button", ""), 61),
        "intro": clean_note(given.get("intro", "")),
        "consent": clean_note(given.get("consent", "")),
        "thanks": clean_note(given.get("thanks", "")),
    }
    reading = Reading(
        Design(
            language=language if language in LANGUAGES else "",
            questions=_questions(given, known),
            lists=_lists(given, lists),
            visitor_chooses=given.get("visitor_chooses") == "yes",
            consent_box=given.get("consent_box") == "yes",
            redirect=given.get("redirect", "").strip(),
            **{
                name: given.get(name, "").strip().lower()
                for name in ("accent", "text", "background")
            },
            **texts,
        )
    )
    _check(account, reading)
    return reading


def _check(account: Account, reading: Reading) -> None:
    design = reading.design
    for name, most in (("title", LINE), ("button", 60), ("intro", TEXT), ("consent", TEXT),
                       ("thanks", TEXT)):  # fmt: skip
        if len(getattr(design, name)) > most:
            reading.blame(name, f"Keep it below {most:,} characters.")
    if not design.lists:
        reading.blame("lists", "Choose at least one list that people come onto.")
    if len(design.questions) > MOST_FIELDS:
        reading.blame("questions", f"Ask for at most {MOST_FIELDS} things.")
    if design.redirect:
        try:
            redirecting.check(account, design.redirect)
        except Invalid as error:
            reading.blame("redirect", str(error))
    _check_colours(reading)


def _check_colours(reading: Reading) -> None:
    design = reading.design
    given = {name: getattr(design, name) for name in ("accent", "text", "background")}
    if not any(given.values()):
        return
    for name, value in given.items():
        if value and not colours.read(value):
            reading.blame(name, "Write a colour as # and six digits, such as #1c6b50.")
    if reading.errors.keys() & given.keys():
        return
    text, background = design.text or colours.INK, design.background or colours.WHITE
    found = colours.contrast(text, background)
    if found < colours.LEAST:
        reading.blame(
            "text",
            f"These words are hard to read: their contrast is {found:.1f}, and {colours.LEAST} is "
            "the least. Make the words darker or the background lighter.",
        )


def _questions(given: Mapping[str, str], known: Mapping[str, ContactField]) -> tuple[Question, ...]:
    """Those that are asked, in the order of their places."""
    keys = [*FIXED, *(f"{OWN}{key}" for key in known)]
    asked = [key for key in keys if given.get(f"ask-{key}") in ("asked", "required")]
    asked.sort(key=lambda key: (_place(given.get(f"place-{key}", "")), keys.index(key)))
    return tuple(
        Question(
            key,
            _label(given, known, key),
            required=given[f"ask-{key}"] == "required",
            type="text" if key in FIXED else known[_own(key)].type,
        )
        for key in asked
    )


def _label(given: Mapping[str, str], known: Mapping[str, ContactField], key: str) -> str:
    own = "" if key in FIXED else known[_own(key)].label
    return clean_line(given.get(f"label-{key}", ""), LINE) or own


def _lists(given: Mapping[str, str], lists: Sequence[ContactList]) -> tuple[Choice, ...]:
    chosen = [one for one in lists if given.get(f"list-{one.id}")]
    return tuple(
        Choice(
            one.id, clean_line(given.get(f"list-label-{one.id}", ""), LINE) or one.name, one.opt_in
        )
        for one in chosen[:MOST_LISTS]
    )


def _own(key: str) -> str:
    return key.removeprefix(OWN)


def _place(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 999
