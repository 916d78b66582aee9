"""What is filled in about paying."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import EmailField, StringField
from wtforms.validators import Length


class ContactForm(FlaskForm):
    """Whom to write to about paying. There is no field for a card, and there will be none."""

    email = EmailField("Address for invoices", validators=[Length(max=320)])
    name = StringField("Name on invoices", validators=[Length(max=200)])
    reference = StringField("Your reference", validators=[Length(max=100)])
