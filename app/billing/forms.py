"""What is filled in about paying."""

from __future__ import annotations

from wtforms import EmailField, StringField
from wtforms.validators import Length

from app.core.plain_forms import PlainForm


class ContactForm(PlainForm):
    """Whom to write to about paying. There is no field for a card, and there will be none."""

    email = EmailField("Address for invoices", validators=[Length(max=320)])
    name = StringField("Name on invoices", validators=[Length(max=200)])
    reference = StringField("Your reference", validators=[Length(max=100)])
