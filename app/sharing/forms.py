"""Forms of sharing: strings and limits; the rules are the verbs'."""

from __future__ import annotations

from wtforms import (
    BooleanField,
    PasswordField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
    URLField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from app.core.plain_forms import PlainForm
from app.sharing import outsiders


class ArchiveForm(PlainForm):
    """The settings of an archive."""

    slug = StringField("Address", validators=[InputRequired("Give it an address."), Length(max=60)])
    by_default = RadioField(
        "New campaigns",
        choices=[
            SelectChoice("no", "Are shown only where I say so"),
            SelectChoice("yes", "Are shown to everybody, unless I say no"),
        ],
        default="no",
    )
    is_listed = BooleanField("A page with all of them, with feeds")
    is_indexed = BooleanField("Search engines may show them")
    can_tell = BooleanField("Readers may tell a friend")
    intro = TextAreaField(
        "What it says at the top", validators=[Length(max=1000)], render_kw={"rows": "3"}
    )
    privacy_url = URLField("Your privacy policy", validators=[Length(max=500)])
    form_id = SelectField("Sign-up form", coerce=int, validators=[Optional()])


class LinkForm(PlainForm):
    """A link for somebody outside."""

    kind = RadioField(
        "What they see",
        choices=[SelectChoice(kind, words) for kind, words in outsiders.KINDS.items()],
        default="report",
    )
    days = SelectField(
        "For how long",
        choices=[SelectChoice(days, words) for days, words in outsiders.LIVES.items()],
        coerce=int,
        default=30,
    )
    label = StringField("For whom", validators=[Length(max=200)])
    password = PasswordField(
        "Password",
        validators=[Length(max=200)],
        render_kw={"autocomplete": "new-password"},
    )
