"""What the pages of a campaign send."""

from __future__ import annotations

from wtforms import (
    DateTimeLocalField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectChoice,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput, HiddenInput, ListWidget

from app.core.plain_forms import PlainForm

FORMATS = [
    SelectChoice("markdown", "Text with Markdown"),
    SelectChoice("html", "HTML"),
    SelectChoice("mjml", "MJML"),
]
TRACKING = [
    SelectChoice("individual", "Who opened and clicked"),
    SelectChoice("aggregate", "Only how many, never who"),
    SelectChoice("none", "Nothing at all"),
]
HOLDS = [
    SelectChoice("60", "1 minute"),
    SelectChoice("300", "5 minutes"),
    SelectChoice("1800", "30 minutes"),
    SelectChoice("0", "no wait"),
]
WHEN = [SelectChoice("now", "Now"), SelectChoice("later", "At a time")]


class Versioned(PlainForm):
    """A form over a draft, with the version that was shown."""

    version = IntegerField(widget=HiddenInput(), validators=[Optional()])


class WriteForm(Versioned):
    """The first stop."""

    name = StringField("Name", [InputRequired("Give it a name; only you see it."), Length(max=200)])
    subject = StringField("Subject", [Length(max=500)])
    preheader = StringField("Preheader", [Length(max=500)])
    from_email = SelectField("From", validate_choice=False)
    from_name = StringField("Name of the sender", [Length(max=200)])
    reply_to = StringField("Answers go to", [Length(max=320)])
    format = RadioField(
        "Written as",
        choices=FORMATS,
    )
    body = TextAreaField("The mail", [Length(max=500_000)])
    text_body = TextAreaField("Plain-text version", [Length(max=500_000)])


class CheckboxesField(SelectMultipleField):
    """Several of a few, without a key to hold."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class PeopleForm(Versioned):
    """The third stop."""

    lists = CheckboxesField("Send to", coerce=int)
    segments = CheckboxesField("And to segments", coerce=int)
    exclude = CheckboxesField("But not to people on", coerce=int)
    exclude_segments = CheckboxesField("And not to segments", coerce=int)


class TrackingForm(Versioned):
    """What is counted."""

    tracking = RadioField("What to count", choices=TRACKING)


class PartForm(Versioned):
    """To how many of its audience; 0: to all."""

    at_most = IntegerField(validators=[InputRequired(), NumberRange(0, 1 << 31)])


class SendForm(Versioned):
    """The last stop."""

    when = RadioField("When", choices=WHEN, default="now")
    at = DateTimeLocalField("Day and time", [Optional()], format=["%Y-%m-%dT%H:%M"])
    hold = SelectField("Wait before it leaves", choices=HOLDS, default="60")


class SaidForm(Versioned):
    """Yes or no to a version, and why."""

    words = TextAreaField("What should be different?", validators=[Optional(), Length(max=1000)])


class TestForm(PlainForm):
    """Where a test goes."""

    __test__ = False  # no test class, though pytest would think so

    to = StringField("Send a test to", [InputRequired("Say where the test should go.")])
    contact = IntegerField(widget=HiddenInput(), validators=[Optional(), NumberRange(min=1)])


class NameForm(PlainForm):
    """A new name."""

    name = StringField("Name", [InputRequired("Give it a name."), Length(max=200)])
    key = HiddenField()
