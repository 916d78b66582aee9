"""Forms of the public site."""

from __future__ import annotations

from typing import Any

from wtforms import EmailField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length, NumberRange, Optional
from wtforms.widgets import HiddenInput

from app.core.plain_forms import PlainForm

#: Purpose → words.
ABOUT = [
    SelectChoice("support", "Using it, and everything else"),
    SelectChoice("billing", "Plans, invoices and payments"),
    SelectChoice("privacy", "My data, and the privacy policy"),
    SelectChoice("abuse", "Mail that I did not want"),
    SelectChoice("service", "Something does not work"),
]


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


class ContactForm(PlainForm):
    """A question to the operator."""

    name = StringField(
        "Your name",
        filters=[_stripped],
        validators=[DataRequired("Enter your name."), Length(max=200)],
        render_kw={"autocomplete": "name"},
    )
    email = EmailField(
        "E-mail address",
        filters=[_stripped],
        validators=[DataRequired("Enter your address, so that we can answer."), Length(max=320)],
        render_kw={"autocomplete": "email"},
    )
    text = TextAreaField(
        "Your question",
        filters=[_stripped],
        validators=[DataRequired("Write your question."), Length(max=10_000)],
        render_kw={"rows": "8"},
    )
    subject = StringField("Subject", filters=[_stripped], validators=[Length(max=200)])
    about = SelectField("What it is about", choices=ABOUT, default="support")
    version = IntegerField(widget=HiddenInput(), validators=[Optional(), NumberRange(1, 1_000_000)])
    fax = StringField("Fax", validators=[Length(max=200)])
    """Nobody sees it; programs that fill in every field do."""
