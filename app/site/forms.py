"""Forms of the public site."""

from __future__ import annotations

from typing import Any

from flask_wtf import FlaskForm
from wtforms import EmailField, IntegerField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, NumberRange, Optional
from wtforms.widgets import HiddenInput


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


class ContactForm(FlaskForm):
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
    version = IntegerField(widget=HiddenInput(), validators=[Optional(), NumberRange(1, 1_000_000)])
    fax = StringField("Fax", validators=[Length(max=200)])
    """Nobody sees it; programs that fill in every field do."""
