"""Forms of the staff console."""

from __future__ import annotations

from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, DateField, HiddenField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, Optional


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _text(label: str, message: str = "", *, rows: int = 3, longest: int = 2_000) -> TextAreaField:
    needed = DataRequired(message) if message else Optional()
    return TextAreaField(
        label, filters=[_stripped], validators=[needed, Length(max=longest)],
        render_kw={"rows": str(rows)},
    )  # fmt: skip


def _line(label: str, message: str = "", *, longest: int = 200) -> StringField:
    needed = DataRequired(message) if message else Optional()
    return StringField(label, filters=[_stripped], validators=[needed, Length(max=longest)])


class EntryForm(FlaskForm):
    """An entry of the data inventory."""

    title = _line("Name", "Give it a name.", longest=120)
    what = _text("What is kept", "Say what is kept.")
    why = _text("Why", "Say what it is for.", rows=2)
    ground = _text("Legal ground", "Say what allows it.", rows=2)
    keeps = _text("How long", "Say how long it is kept.", rows=2)
    place = _text("Where", "Say where it is.", rows=2)


class PassagesForm(FlaskForm):
    """Passages of the operator's own."""

    more = _text("Your own passages", rows=8, longest=20_000)


class PublishForm(FlaskForm):
    """What is said about a new version."""

    summary = _text("What changes, in plain words", "Say in plain words what changes.")
    effective_on = DateField("Counts from", validators=[Optional()])
    matters = BooleanField("It matters: ask everybody to accept it before they go on")
    seen = HiddenField()
