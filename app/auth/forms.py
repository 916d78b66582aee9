"""Forms of auth: strings and limits; the rules are the verbs'."""

from __future__ import annotations

from typing import Any

from wtforms import (
    BooleanField,
    EmailField,
    Field,
    HiddenField,
    IntegerField,
    PasswordField,
    StringField,
    TelField,
    TextAreaField,
)
from wtforms.validators import (
    DataRequired,
    InputRequired,
    Length,
    NumberRange,
    Optional,
    Regexp,
)

from app.core.plain_forms import PlainForm
from app.privacy.consenting import WORDINGS


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _email(label: str = "E-mail address", **options: Any) -> EmailField:
    return EmailField(
        label,
        filters=[_stripped],
        validators=[DataRequired("Enter your e-mail address."), Length(max=320)],
        **options,
    )


class TrapField(StringField):
    """Nobody sees it; programs that fill in every field do."""


class SignInForm(PlainForm):
    """Address and password."""

    email = _email(render_kw={"autocomplete": "username"})
    password = PasswordField(
        "Password",
        validators=[InputRequired("Enter your password."), Length(max=4000)],
        render_kw={"autocomplete": "current-password"},
    )


class ForgotForm(PlainForm):
    """Where to mail a link."""

    email = _email(render_kw={"autocomplete": "username"})


class PasswordForm(PlainForm):
    """A new password, typed once: a wrong one is replaced by the same way again."""

    password = PasswordField(
        "New password",
        validators=[InputRequired("Choose a password."), Length(max=4000)],
        render_kw={"autocomplete": "new-password", "minlength": "10"},
    )


class RegisterForm(PlainForm):
    """A business and the person who registers it."""

    person = StringField(
        "Your name",
        filters=[_stripped],
        validators=[DataRequired("Enter your name."), Length(max=200)],
        render_kw={"autocomplete": "name"},
    )
    email = _email(render_kw={"autocomplete": "email"})
    business = StringField(
        "Name of the business",
        filters=[_stripped],
        validators=[DataRequired("Enter the name of the business."), Length(max=200)],
        render_kw={"autocomplete": "organization"},
    )
    address = TextAreaField(
        "Postal address",
        filters=[_stripped],
        validators=[DataRequired("Enter the postal address of the business."), Length(max=1000)],
        render_kw={"autocomplete": "street-address", "rows": "3"},
    )
    website = StringField(
        "Website",
        filters=[_stripped],
        validators=[
            Optional(),
            Length(max=500),
            Regexp(r"https?://\S+\.\S+", message="Write it as https://www.example.com"),
        ],
        render_kw={"autocomplete": "url", "inputmode": "url"},
    )
    acts_for_business = BooleanField(
        WORDINGS["business"].text,
        validators=[DataRequired("LeaderSend is for businesses. Tick the box if you act for one.")],
    )
    accepts_policy = BooleanField(
        "I have read the privacy policy and accept it.",
        validators=[DataRequired("Tick the box when you have read it.")],
    )
    marketing_email = BooleanField(WORDINGS["marketing_email"].text)
    fax = TrapField("Fax", validators=[Length(max=200)])


class CodeForm(PlainForm):
    """A code of the app, or a recovery code."""

    code = StringField(
        "Code",
        filters=[_stripped],
        validators=[DataRequired("Type the code."), Length(max=40)],
        render_kw={
            "autocomplete": "one-time-code",
            "autocapitalize": "none",
            "spellcheck": "false",
        },
    )


class ConfirmForm(PlainForm):
    """The password or a code, once more."""

    password = PasswordField(
        "Password",
        validators=[Optional(), Length(max=4000)],
        render_kw={"autocomplete": "current-password"},
    )
    code = StringField(
        "Code",
        filters=[_stripped],
        validators=[Optional(), Length(max=40)],
        render_kw={"autocomplete": "one-time-code", "autocapitalize": "none"},
    )


class PasskeyNameForm(PlainForm):
    """What a passkey is called."""

    name = StringField(
        "Name",
        filters=[_stripped],
        validators=[DataRequired("Give it a name by which you know it."), Length(max=100)],
        render_kw={"autocomplete": "off", "placeholder": "Alice's telephone"},
    )


class PasskeyForm(PasskeyNameForm):
    """A new passkey, as the browser made it."""

    credential = HiddenField(validators=[Length(max=20_000)])


class EverybodyForm(PlainForm):
    """Whether everybody in an account needs a second factor, and how soon."""

    days = IntegerField(
        "Days until then",
        default=7,
        validators=[
            InputRequired("Say how many days people have."),
            NumberRange(0, 90, "Choose from 0 to 90 days."),
        ],
        render_kw={"min": "0", "max": "90"},
    )


class ProfileForm(PlainForm):
    """Name and telephone number."""

    name = StringField(
        "Name",
        filters=[_stripped],
        validators=[DataRequired("Enter your name."), Length(max=200)],
        render_kw={"autocomplete": "name"},
    )
    phone = TelField(
        "Telephone",
        filters=[_stripped],
        validators=[Optional(), Length(max=64)],
        render_kw={"autocomplete": "tel"},
    )


class EmailForm(PlainForm):
    """A new address to sign in with."""

    email = _email("New e-mail address", render_kw={"autocomplete": "email"})


class JoinForm(PlainForm):
    """Somebody who was invited and is new here."""

    name = StringField(
        "Your name",
        filters=[_stripped],
        validators=[DataRequired("Enter your name."), Length(max=200)],
        render_kw={"autocomplete": "name"},
    )
    accepts_policy = BooleanField(
        "I have read the privacy policy and accept it.",
        validators=[DataRequired("Tick the box when you have read it.")],
    )


def take_over(form: PlainForm, errors: dict[str, list[str]]) -> None:
    """Show what a verb found beside the field that it is about."""
    for name, messages in errors.items():
        field: Field | None = form._fields.get(name)
        if field is not None:
            field.errors = [*field.errors, *messages]
