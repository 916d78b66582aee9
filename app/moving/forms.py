"""What people upload to take an account in."""

from __future__ import annotations

from flask_wtf.file import FileField, FileRequired

from app.core.plain_forms import PlainForm


class TakeInForm(PlainForm):
    """The ZIP; `taking_in` says what is wrong with it."""

    file = FileField("The ZIP of a take-out", validators=[FileRequired("Choose the ZIP file.")])
