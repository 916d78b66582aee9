"""What owners choose for the preference centre; lists and fields come beside it."""

from __future__ import annotations

from wtforms import BooleanField, SelectMultipleField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from app.contacts import resting
from app.core.plain_forms import PlainForm
from app.preferences.centre import PASSAGES_LENGTH, WORDS_LENGTH


class CentreForm(PlainForm):
    """What people see."""

    words = TextAreaField(
        "Your own words at the top",
        [Optional(), Length(max=WORDS_LENGTH)],
        render_kw={"rows": "3"},
    )
    pauses = SelectMultipleField(
        "Breaks that people can take",
        choices=[SelectChoice(days, f"{days} days") for days in resting.PAUSES],
        coerce=int,
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    with_frequency = BooleanField("People may choose one mail a week or a month at most")
    with_names = BooleanField("People may correct their name, company and kind")
    with_address = BooleanField("People may change their address")
    goodbye = TextAreaField(
        "A last mail to whoever has left",
        [Optional(), Length(max=WORDS_LENGTH)],
        render_kw={"rows": "3"},
    )
    privacy_contact = TextAreaField(
        "Who answers questions about privacy",
        [Optional(), Length(max=WORDS_LENGTH)],
        render_kw={"rows": "2"},
    )
    privacy_words = TextAreaField(
        "What you want to say besides",
        [Optional(), Length(max=PASSAGES_LENGTH)],
        render_kw={"rows": "4"},
    )
    with_reasons = BooleanField("Whoever has left is asked why, and need not answer")
