"""Forms of the staff console: strings and limits; the rules are the verbs'."""

from __future__ import annotations

import re
from typing import Any

from wtforms import (
    BooleanField,
    DateField,
    EmailField,
    FileField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional

from app.core.plain_forms import PlainForm
from app.privacy.disclosing import GROUNDS
from app.staff.asked import KINDS
from app.staff.looking import MINUTES

#: Embeddings, overrides and isolates of Unicode; the marks that Arabic and Hebrew need stay.
_TURNING = re.compile(r"[\u202a-\u202e\u2066-\u2069]")


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _plain(value: str | None) -> str:
    """Without signs that turn the direction of writing: they would turn what stands beside, too."""
    return _TURNING.sub("", value or "").strip()


def _text(label: str, message: str = "", *, rows: int = 3, longest: int = 2_000) -> TextAreaField:
    needed = DataRequired(message) if message else Optional()
    return TextAreaField(
        label, filters=[_plain], validators=[needed, Length(max=longest)],
        render_kw={"rows": str(rows)},
    )  # fmt: skip


def _line(label: str, message: str = "", *, longest: int = 200) -> StringField:
    needed = DataRequired(message) if message else Optional()
    return StringField(label, filters=[_plain], validators=[needed, Length(max=longest)])


class EntryForm(PlainForm):
    """An entry of the data inventory."""

    title = _line("Name", "Give it a name.", longest=120)
    what = _text("What is kept", "Say what is kept.")
    why = _text("Why", "Say what it is for.", rows=2)
    ground = _text("Legal ground", "Say what allows it.", rows=2)
    keeps = _text("How long", "Say how long it is kept.", rows=2)
    place = _text("Where", "Say where it is.", rows=2)


class PassagesForm(PlainForm):
    """Passages of the operator's own."""

    more = _text("Your own passages", rows=8, longest=20_000)


class PublishForm(PlainForm):
    """What is said about a new version."""

    summary = _text("What changes, in plain words", "Say in plain words what changes.")
    effective_on = DateField("Counts from", validators=[Optional()])
    matters = BooleanField("It matters: ask everybody to accept it before they go on")
    seen = HiddenField()


class LookForm(PlainForm):
    """Why somebody wants to look into an account, and for how long."""

    purpose = SelectField("Purpose", validators=[InputRequired("Choose why you look.")])
    reference = StringField(
        "Ticket number, or why",
        filters=[_stripped],
        validators=[DataRequired("Enter the ticket's number, or say why you look.")],
        render_kw={"maxlength": "200", "autocomplete": "off"},
    )
    minutes = RadioField(
        "For how long",
        coerce=int,
        choices=[SelectChoice(n, f"{n} minutes") for n in MINUTES],
        default=30,
        validators=[InputRequired("Choose for how long.")],
    )


class PersonRequestForm(PlainForm):
    """Somebody asks about themselves, in every account."""

    email = EmailField(
        "Whole address of the person",
        filters=[_stripped],
        validators=[DataRequired("Enter the whole address."), Length(max=320)],
        render_kw={"autocomplete": "off"},
    )
    kind = RadioField(
        "What they ask for",
        choices=[SelectChoice(key, words) for key, words in KINDS.items()],
        validators=[InputRequired("Choose what they ask for.")],
    )
    reference = _line("Letter, or how it came", "Say how it came.")
    came_on = DateField("Came on", validators=[Optional()])
    ticket = HiddenField()


class ContactForm(PlainForm):
    """The whole address of one contact, and who asks."""

    address = EmailField(
        "Whole address of the contact",
        filters=[_stripped],
        validators=[DataRequired("Enter the whole address."), Length(max=320)],
        render_kw={"autocomplete": "off"},
    )
    reference = StringField(
        "Ticket number, or why",
        filters=[_stripped],
        validators=[DataRequired("Enter the ticket's number, or say why you look.")],
        render_kw={"maxlength": "200", "autocomplete": "off"},
    )


class GrantForm(PlainForm):
    """An owner lets staff take everything out, once."""

    reason = StringField(
        "What for",
        filters=[_stripped],
        validators=[DataRequired("Say what for, as it was agreed.")],
        render_kw={"maxlength": "200", "autocomplete": "off"},
    )
    days = RadioField(
        "Until",
        coerce=int,
        choices=[SelectChoice(1, "tomorrow"), SelectChoice(7, "in a week")],
        default=1,
        validators=[InputRequired("Choose until when.")],
    )


class HouseForm(PlainForm):
    """The operator's own account."""

    name = StringField(
        "Name that mailings come from",
        filters=[_stripped],
        validators=[DataRequired("Enter the name that mailings come from."), Length(max=200)],
    )
    address = TextAreaField(
        "Postal address",
        filters=[_stripped],
        validators=[DataRequired("Enter the postal address."), Length(max=1000)],
        render_kw={"rows": "3"},
    )


class PlanForm(PlainForm):
    """A plan for a time, or mails for this month, without payment."""

    plan = SelectField("Plan", validators=[Optional()])
    days = IntegerField(
        "For how many days", validators=[Optional(), NumberRange(1, 3650, "From 1 to 3,650 days.")]
    )
    mails = IntegerField(
        "More mails this month", validators=[Optional(), NumberRange(1, 10_000_000, "From 1 on.")]
    )
    reason = StringField(
        "Why",
        filters=[_stripped],
        validators=[DataRequired("Say why: the customer reads it.")],
        render_kw={"maxlength": "200", "autocomplete": "off"},
    )


class DisclosureForm(PlainForm):
    """Data that somebody outside is to be given."""

    account = _line("Account", "Say whose data it is.")
    recipient = _text("Who gets the data", "Say who gets them.", rows=2)
    which = _text("Which data", "Say which data, as exactly as the document does.")
    purpose = _text("What for", "Say what they are wanted for.", rows=2)
    ground = RadioField(
        "Ground",
        choices=[SelectChoice(key, words) for key, words in GROUNDS.items()],
        default="consent",
    )
    document = FileField("The consent or the order, as a file")
    bar_reason = _text("Why the customer must not be told yet", rows=2)
    barred_until = DateField("Told from", validators=[Optional()])


class BarForm(PlainForm):
    """What bars telling the customer."""

    bar_reason = _text("Why the customer must not be told yet", rows=2)
    barred_until = DateField("Told from", validators=[Optional()])


class ProcessorForm(PlainForm):
    """A company that handles data for the operator."""

    name = _line("Name", "Enter its name.")
    purpose = _text("What it does for you", "Say what it does.", rows=2)
    which = _text("Which data it gets to see", "Say which data.", rows=2)
    place = _line("Where", "Say in which country.", longest=500)
    since = DateField("Since", validators=[InputRequired("Enter the day.")])


class IncidentForm(PlainForm):
    """What went wrong with data."""

    title = _line("In one line", "Give it a title.")
    began_on = DateField("Began on", validators=[InputRequired("Enter the day.")])
    found_on = DateField("Found on", validators=[InputRequired("Enter the day.")])
    what = _text("What happened", "Say what happened.", rows=5, longest=10_000)
    which = _text("Which data, of how many", "Say which data.")
    measures = _text("What we did", "Say what was done.")
    advice = _text("What you can do")
    concerns_all = BooleanField("It concerns every account")
    accounts = _text("Accounts that it concerns", rows=3, longest=20_000)


class NetworkForm(PlainForm):
    """A network from which nothing is to be answered."""

    network = _line("Network", "Write 203.0.113.7, 203.0.113.0/24 or 2001:db8::/48.", longest=64)
    reason = _line("Why", "Say why, for who looks at it later.", longest=500)
    days = SelectField(
        "For how long",
        choices=[
            SelectChoice("1", "a day"), SelectChoice("7", "7 days"), SelectChoice("30", "30 days"),
            SelectChoice("365", "a year"),
        ],
        default="7",
    )  # fmt: skip
