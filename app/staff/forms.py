"""Forms of the staff console: strings and limits; the rules are the verbs'."""

from __future__ import annotations

from typing import Any

from flask_wtf import FlaskForm
from wtforms import EmailField, RadioField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length

from app.staff.looking import MINUTES


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


class LookForm(FlaskForm):
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


class ContactForm(FlaskForm):
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


class GrantForm(FlaskForm):
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
