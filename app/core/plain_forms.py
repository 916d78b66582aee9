"""Forms that say what is wrong in our words: what to do, not what a field cannot."""

from __future__ import annotations

from typing import Any

from flask_wtf import FlaskForm

_CHOOSE = "Choose one of those that are offered."
#: By the words of WTForms, which its validators and fields use unless told otherwise.
WORDS = {
    "This field is required.": "Fill this in.",
    "Field cannot be longer than %(max)d character.": "Use at most %(max)d character.",
    "Field cannot be longer than %(max)d characters.": "Use at most %(max)d characters.",
    "Field must be at least %(min)d character long.": "Use at least %(min)d character.",
    "Field must be at least %(min)d characters long.": "Use at least %(min)d characters.",
    "Field must be between %(min)d and %(max)d characters long.": (
        "Use between %(min)d and %(max)d characters."
    ),
    "Not a valid choice.": _CHOOSE,
    "Invalid Choice: could not coerce.": _CHOOSE,
    "Invalid choice(s): one or more data inputs could not be coerced.": _CHOOSE,
    "'%(value)s' is not a valid choice for this field.": _CHOOSE,
    "'%(value)s' are not valid choices for this field.": _CHOOSE,
    "Not a valid integer value.": "Enter a whole number.",
    "Not a valid decimal value.": "Enter a number.",
    "Number must be at least %(min)s.": "Enter a number from %(min)s on.",
    "Number must be at most %(max)s.": "Enter a number up to %(max)s.",
    "Number must be between %(min)s and %(max)s.": "Enter a number from %(min)s to %(max)s.",
    "Not a valid date value.": "Enter a day, such as 2026-12-31.",
    "Not a valid datetime value.": "Enter a day and a time.",
    "Not a valid time value.": "Enter a time, such as 17:30.",
    "Invalid email address.": "Enter a whole mail address, such as ann@example.com.",
}


class _Words:
    """As WTForms asks for translations."""

    def gettext(self, text: str) -> str:
        return WORDS.get(text, text)

    def ngettext(self, one: str, many: str, n: int) -> str:
        return self.gettext(one if n == 1 else many)


class PlainForm(FlaskForm):  # type: ignore[misc]
    """What every form of ours is."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        """Where messages come from."""

        def get_translations(self, form: Any) -> _Words:
            return _Words()
