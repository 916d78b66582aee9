"""Signed links."""

from __future__ import annotations

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from app.core import tokens
from app.core.tokens import BadToken, Purpose
from tests.conftest import SECRET

tokens.configure(SECRET)


@given(st.lists(st.integers(0, 2**62), min_size=1, max_size=5))
def test_numbers_come_back(numbers: list[int]) -> None:
    assert tokens.read(Purpose.CLICK, tokens.sign(Purpose.CLICK, *numbers)) == tuple(numbers)


@given(st.integers(0, 2**62))
def test_a_token_in_an_address_survives_upper_case(number: int) -> None:
    token = tokens.sign_for_address(Purpose.BOUNCE, number)

    assert token == token.lower()
    assert tokens.read_from_address(Purpose.BOUNCE, token.upper()) == (number,)


def test_a_token_of_one_purpose_means_nothing_to_another(app: Flask) -> None:
    with pytest.raises(BadToken):
        tokens.read(Purpose.UNSUBSCRIBE, tokens.sign(Purpose.OPEN, 7))


@given(st.text(max_size=80))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(BadToken):
        tokens.read(Purpose.OPEN, text)
    with pytest.raises(BadToken):
        tokens.read_from_address(Purpose.OPEN, text)
