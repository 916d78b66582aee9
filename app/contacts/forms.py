"""What people type about contacts: strings and limits; the verbs know the rules."""

from __future__ import annotations

from collections.abc import Sequence

from flask_wtf.file import FileField
from wtforms import BooleanField, EmailField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from app.contacts import fields
from app.contacts.models import Contact, ContactField, ContactList
from app.contacts.text import NAME_LENGTH, NOTE_LENGTH
from app.core.plain_forms import PlainForm


def _choices(*pairs: tuple[str, str]) -> list[SelectChoice]:
    return [SelectChoice(value, label) for value, label in pairs]


KINDS = _choices(
    ("", "Guess from what is there"), ("person", "Person"), ("organisation", "Organisation")
)
OPT_INS = _choices(
    ("single", "On the list at once"),
    ("double", "Only after they confirmed by mail (double opt-in)"),
)


class ContactForm(PlainForm):
    """One contact; custom fields come beside it, see `custom`."""

    email = EmailField("Mail address", [InputRequired("Enter a mail address."), Length(max=320)])
    first_name = StringField("First name", [Optional(), Length(max=NAME_LENGTH)])
    last_name = StringField("Last name", [Optional(), Length(max=NAME_LENGTH)])
    company = StringField("Company", [Optional(), Length(max=NAME_LENGTH)])
    external_id = StringField("Your own number", [Optional(), Length(max=NAME_LENGTH)])
    kind = SelectField("Person or organisation", choices=KINDS)
    tags = StringField("Tags", [Optional(), Length(max=2000)])
    notes = TextAreaField("Notes", [Optional(), Length(max=NOTE_LENGTH)])

    def values(self) -> dict[str, object]:
        """As the verbs take them."""
        names = ("email", "first_name", "last_name", "company", "external_id", "kind", "notes")
        found: dict[str, object] = {name: self[name].data or "" for name in names}
        found["tags"] = [name.strip() for name in (self.tags.data or "").split(",")]
        return found


class ListForm(PlainForm):
    """A list."""

    name = StringField("Name", [InputRequired("Give the list a name."), Length(max=NAME_LENGTH)])
    description = TextAreaField("What it is for", [Optional(), Length(max=NOTE_LENGTH)])
    opt_in = RadioField("Who signs up by themselves is", choices=OPT_INS, default="single")


class SegmentForm(PlainForm):
    """A segment; its rule comes beside it, row by row (contacts.segments.building)."""

    name = StringField("Name", [InputRequired("Give the segment a name."), Length(max=NAME_LENGTH)])


class FieldForm(PlainForm):
    """A custom field."""

    label = StringField("Name", [InputRequired("Give the field a name."), Length(max=NAME_LENGTH)])
    type = SelectField("Kind of value", choices=_choices(*fields.TYPES.items()), default="text")


class SuppressionForm(PlainForm):
    """Somebody never to be mailed."""

    email = EmailField("Mail address", [InputRequired("Enter a mail address."), Length(max=320)])
    detail = StringField("Why", [Optional(), Length(max=500)])


class DomainForm(PlainForm):
    """A domain whose people stay out, or are the only ones to come in."""

    domain = StringField("Domain", [InputRequired("Enter a domain."), Length(max=255)])
    lets_in = RadioField(
        "Its people", default="out",
        choices=_choices(("out", "Stay out"), ("in", "Come in, and nobody else does")),
    )  # fmt: skip


class UploadForm(PlainForm):
    """A file of contacts, or a text with them."""

    file = FileField("File")
    text = TextAreaField("Or paste them here", [Optional()])

    def validate(self, extra_validators: object = None) -> bool:
        """One of the two."""
        if not super().validate(extra_validators):
            return False
        if not self.file.data and not (self.text.data or "").strip():
            self.file.errors = ["Choose a file, or paste addresses below."]
            return False
        return True


class ImportForm(PlainForm):
    """What to do with an uploaded file; the columns come beside it, as column-0, column-1, …"""

    list = SelectField("Put these people on")
    new_list = StringField("Name of the new list", [Optional(), Length(max=NAME_LENGTH)])
    mode = RadioField(
        "What becomes of them",
        choices=_choices(
            ("update", "They come in; of who is here already, fill in and overwrite what is known"),
            ("add", "New people come in; who is here already stays as they are"),
            ("block", "Nobody comes in: they are never mailed, as a block list says"),
        ),
        default="update",
    )
    basis = TextAreaField(
        "Where do these people come from, and how did they agree to your mail?",
        [InputRequired("Say it in a sentence; it is kept with each of them."), Length(max=2000)],
    )

    repair = BooleanField("Put mistyped domains right")

    def validate(self, extra_validators: object = None) -> bool:
        """Of those who are never mailed nobody need have agreed to anything."""
        if self.mode.data == "block" and not (self.basis.data or "").strip():
            self.basis.process(None, "A list of people who must not be mailed.")
            self.basis.raw_data = [self.basis.data]
        return bool(super().validate(extra_validators))

    def choices(self) -> dict[str, str]:
        """What was chosen beside the columns, to be shown again after a dry run."""
        names = ("list", "new_list", "mode", "basis")
        return {name: str(self[name].data or "") for name in names}

    def offer(self, lists: Sequence[ContactList]) -> None:
        """The lists to choose from, those of the sample data last: nobody means them."""
        own = [(str(list_.id), list_.name) for list_ in lists if not list_.is_sample]
        sample = [(str(list_.id), list_.name) for list_ in lists if list_.is_sample]
        self.list.choices = _choices(*own, ("new", "a new list"), ("", "no list"), *sample)


def custom(
    known: dict[str, ContactField], given: dict[str, str], contact: Contact | None
) -> list[tuple[ContactField, str]]:
    """Custom fields with their values for the form: as typed, or as they are."""
    values = contact.fields if contact else {}
    return [
        (field, given.get(f"field-{key}", fields.as_text(values.get(key))))
        for key, field in known.items()
    ]


def custom_values(known: dict[str, ContactField], given: dict[str, str]) -> dict[str, str | None]:
    """Custom fields as the verbs take them; an emptied one is removed."""
    return {key: given[f"field-{key}"] or None for key in known if f"field-{key}" in given}
