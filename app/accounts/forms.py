"""Forms of accounts: strings and limits; the rules are the verbs'."""

from __future__ import annotations

from typing import Any

from wtforms import (
    BooleanField,
    EmailField,
    Field,
    HiddenField,
    IntegerField,
    PasswordField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional, Regexp
from wtforms.widgets import CheckboxInput, ListWidget

from app.accounts import rights
from app.accounts.api_tokens import SCOPES
from app.accounts.businesses import zones
from app.core import languages
from app.core.plain_forms import PlainForm
from app.mailer.providers import NAMES as PROVIDERS

ROLE_WORDS = [
    SelectChoice(name, f"{role.label}: {role.words}") for name, role in rights.ROLES.items()
]


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


class BusinessForm(PlainForm):
    """Name, address, website, time zone and language of an account."""

    name = StringField(
        "Name of the business",
        filters=[_stripped],
        validators=[DataRequired("Enter the name."), Length(max=200)],
        render_kw={"autocomplete": "organization"},
    )
    address = TextAreaField(
        "Postal address",
        filters=[_stripped],
        validators=[DataRequired("Enter the postal address."), Length(max=1000)],
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
    zone_name = SelectField("Time zone", choices=lambda: [SelectChoice(name) for name in zones()])
    mail_language = SelectField(
        "Language of your mails",
        choices=[SelectChoice(code, name) for code, name in languages.NAMES.items()],
        default="en",
    )


class RoleForm(PlainForm):
    """A role for somebody, or rights of their own."""

    role = SelectField("Role", choices=ROLE_WORDS)
    custom = BooleanField()
    """Whether the rights below count, or those of the role."""
    rights = SelectMultipleField(
        "They may",
        choices=[SelectChoice(name, words) for name, words in rights.RIGHTS.items()],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
        validators=[Optional()],
    )

    @property
    def chosen(self) -> list[str] | None:
        """Rights instead of those of the role; None where the role's are meant."""
        return list(self.rights.data or ()) if self.custom.data else None


class InviteForm(RoleForm):
    """Whom to invite, as what."""

    email = EmailField(
        "E-mail address",
        filters=[_stripped],
        validators=[DataRequired("Enter the address to invite."), Length(max=320)],
    )
    role = SelectField("Role", choices=ROLE_WORDS, default="editor")
    custom = BooleanField("Other rights than those of the role")


class ApprovalForm(PlainForm):
    """Whether campaigns need approval."""

    on = BooleanField()


class SenderForm(PlainForm):
    """A From identity."""

    email = EmailField(
        "Address",
        filters=[_stripped],
        validators=[DataRequired("Enter the address that mails come from."), Length(max=320)],
    )
    name = StringField("Name that readers see", filters=[_stripped], validators=[Length(max=200)])


class MailServerForm(PlainForm):
    """An SMTP server and how to sign in there."""

    host = StringField(
        "Server",
        filters=[_stripped],
        validators=[
            DataRequired("Enter its name, such as smtp.example.com."),
            Length(max=253),
            Regexp(r"[A-Za-z0-9.:-]+$", message="Write only the name, such as smtp.example.com."),
        ],
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    port = IntegerField(
        "Port",
        default=587,
        validators=[
            InputRequired("Enter a number, usually 587."),
            NumberRange(1, 65535, "Enter a number, usually 587."),
        ],
    )
    tls = SelectField(
        "Encryption",
        choices=[
            SelectChoice("starttls", "STARTTLS, usual on port 587"),
            SelectChoice("implicit", "TLS from the start, usual on port 465"),
            SelectChoice("opportunistic", "Where the server offers it"),
            SelectChoice("none", "None: everybody on the way can read along"),
        ],
    )
    username = StringField(
        "User name",
        filters=[_stripped],
        validators=[Optional(), Length(max=320)],
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    password = PasswordField(
        "Password",
        validators=[Optional(), Length(max=1000)],
        render_kw={"autocomplete": "new-password"},
    )


def _limit(label: str) -> IntegerField:
    return IntegerField(
        label,
        validators=[Optional(), NumberRange(1, 10_000_000, "Enter a number, or nothing.")],
        render_kw={"inputmode": "numeric"},
    )


class MailServerTermsForm(MailServerForm):
    """A server, what it is for, and how much of the mail it gets."""

    max_connections = IntegerField(
        "Connections at once",
        default=10,
        validators=[Optional(), NumberRange(1, 100, "From 1 to 100.")],
    )
    weight = IntegerField(
        "Share of the mail",
        default=1,
        validators=[Optional(), NumberRange(0, 1000, "From 0 to 1000.")],
    )
    from_domains = StringField(
        "Only for mail from these domains", filters=[_stripped], validators=[Length(max=1000)]
    )
    per_second = _limit("Mails a second, at most")
    per_hour = _limit("Mails an hour, at most")
    per_day = _limit("Mails a day, at most")


class _Number(IntegerField):
    """A whole number, asked for in plain words."""

    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError("Enter a number, such as 5000.") from None


class WarmUpForm(PlainForm):
    """How much a new server or domain is to send in the end."""

    subject = HiddenField(validators=[DataRequired("Choose what to warm up.")])
    goal = _Number(
        "Mails a day that you want in the end",
        default=5000,
        validators=[InputRequired("Enter a number, such as 5000.")],
        render_kw={"inputmode": "numeric"},
    )


class MailboxForm(PlainForm):
    """A mailbox that bounces come to."""

    kind = SelectField("Kind", choices=[SelectChoice("imap", "IMAP"), SelectChoice("pop3", "POP3")])
    host = StringField(
        "Server",
        filters=[_stripped],
        validators=[
            DataRequired("Enter its name, such as imap.example.com."),
            Length(max=253),
            Regexp(r"[A-Za-z0-9.:-]+$", message="Write only the name, such as imap.example.com."),
        ],
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    tls = SelectField(
        "Encryption",
        choices=[
            SelectChoice("implicit", "TLS from the start, usual"),
            SelectChoice("starttls", "STARTTLS"),
            SelectChoice("none", "None: everybody on the way can read along"),
        ],
    )
    port = IntegerField("Port", validators=[Optional(), NumberRange(1, 65535, "Enter a number.")])
    username = StringField(
        "User name",
        filters=[_stripped],
        validators=[DataRequired("Enter the user name."), Length(max=320)],
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    password = PasswordField(
        "Password",
        validators=[DataRequired("Enter the password."), Length(max=1000)],
        render_kw={"autocomplete": "new-password"},
    )
    folder = StringField(
        "Folder", default="INBOX", filters=[_stripped], validators=[Length(max=200)]
    )
    keeps = BooleanField("Mark mails as seen instead of deleting them (IMAP only)")

    def chosen(self) -> dict[str, Any]:
        """What `mailboxes.add` is told."""
        return {
            "kind": self.kind.data,
            "host": self.host.data,
            "tls": self.tls.data,
            "port": self.port.data,
            "username": self.username.data,
            "password": self.password.data,
            "folder": self.folder.data or "",
            "keeps": self.keeps.data,
        }


class ReportHookForm(PlainForm):
    """Whose reports are to come."""

    provider = SelectField(
        "Your provider", choices=[SelectChoice(name, words) for name, words in PROVIDERS.items()]
    )


class ReportKeyForm(PlainForm):
    """What a provider's reports are proven with."""

    key = StringField(
        "Key",
        filters=[_stripped],
        validators=[DataRequired("Copy it from your provider's page."), Length(max=2000)],
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )


class OneOfManyBoxes(CheckboxInput):
    """A box beside others of which one is enough: `required` on each would demand all of them."""

    validation_attrs = ["disabled"]  # noqa: RUF012  # as in WTForms


class TokenForm(PlainForm):
    """What a program may do."""

    name = StringField(
        "What is it for?",
        filters=[_stripped],
        validators=[DataRequired("Give it a name, so that you know later."), Length(max=200)],
    )
    scopes = SelectMultipleField(
        "It may",
        choices=[SelectChoice(scope, words) for scope, words in SCOPES.items()],
        widget=ListWidget(prefix_label=False),
        option_widget=OneOfManyBoxes(),
        validators=[InputRequired("Allow it at least one thing.")],
    )
    lasts = SelectField(
        "It ends",
        choices=[
            SelectChoice("30", "in 30 days"),
            SelectChoice("90", "in 90 days"),
            SelectChoice("365", "in a year"),
            SelectChoice("0", "never: whoever finds it can use it for ever"),
        ],
        default="90",
    )
    networks = StringField(
        "Only from these networks",
        filters=[_stripped],
        validators=[Optional(), Length(max=1000)],
        render_kw={"placeholder": "203.0.113.7, 2001:db8::/32"},
    )


def take_over(form: PlainForm, errors: dict[str, list[str]]) -> bool:
    """Show what a verb found beside the fields that it is about; False when none of them is."""
    shown = False
    for name, messages in errors.items():
        field: Field | None = form._fields.get(name)
        if field is not None:
            field.errors = [*field.errors, *messages]
            shown = True
    return shown
