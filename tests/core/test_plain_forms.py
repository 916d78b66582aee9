"""Forms say what to do."""

from __future__ import annotations

from pathlib import Path

import wtforms
from flask import Flask
from werkzeug.datastructures import MultiDict
from wtforms import DateField, IntegerField, SelectChoice, SelectField, StringField
from wtforms.validators import DataRequired, Length, NumberRange

from app.core.plain_forms import WORDS, PlainForm


class Order(PlainForm):
    name = StringField(validators=[DataRequired()])
    note = StringField(validators=[Length(max=3)])
    loaves = IntegerField(validators=[NumberRange(1, 9)])
    kind = SelectField(choices=[SelectChoice("rye", "Rye")])
    day = DateField()


def test_what_is_wrong_is_said_in_our_words(app: Flask) -> None:
    given = {"note": "abcd", "loaves": "12", "kind": "oak", "day": "soon"}
    with app.test_request_context():
        form = Order(MultiDict(given))
        assert not form.validate()

    assert form.errors == {
        "name": ["Fill this in."],
        "note": ["Use at most 3 characters."],
        "loaves": ["Enter a number from 1 to 9."],
        "kind": ["Choose one of those that are offered."],
        "day": ["Enter a day, such as 2026-12-31."],
    }


def test_these_are_the_words_that_the_library_uses() -> None:
    source = "".join(path.read_text() for path in Path(wtforms.__file__).parent.rglob("*.py"))

    assert [words for words in WORDS if words not in source] == []
