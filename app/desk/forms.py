"""Forms of the desk."""

from __future__ import annotations

from typing import Any

from wtforms import BooleanField, TextAreaField
from wtforms.validators import DataRequired, Length

from app.core.plain_forms import PlainForm


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


class LetterForm(PlainForm):
    """What somebody writes into a conversation."""

    text = TextAreaField(
        "Your answer",
        filters=[_stripped],
        validators=[DataRequired("Write something first."), Length(max=20_000)],
        render_kw={"rows": "6"},
    )
    closes = BooleanField("Close it with this answer")
