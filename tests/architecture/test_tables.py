"""Tables of the documentation that promise something name tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.config import CHECKOUT

TEST = re.compile(r"(tests/[\w/]+\.py)::(\w+)")


def rows_of(name: str, key: str) -> dict[str, str]:
    """Rows by their first cell, where that is what is counted."""
    text = (CHECKOUT / "docs" / name).read_text(encoding="utf-8")
    lines = [line.split("|") for line in text.splitlines() if line.startswith("|")]
    return {
        cells[1].strip(): "|".join(cells[2:])
        for cells in lines
        if re.fullmatch(key, cells[1].strip())
    }


@pytest.mark.parametrize(
    ("name", "key", "last"), [("attacks.md", r"A\d+", 74), ("promises.md", r"S\d+", 52)]
)
def test_every_row_is_there(name: str, key: str, last: int) -> None:
    letter = key[0]

    assert list(rows_of(name, key)) == [f"{letter}{number}" for number in range(1, last + 1)]


@pytest.mark.parametrize("name", ["attacks.md", "promises.md"])
def test_the_tests_that_are_named_exist(name: str) -> None:
    named = TEST.findall((CHECKOUT / "docs" / name).read_text(encoding="utf-8"))

    assert len(named) > 50
    missing = [f"{file}::{test}" for file, test in named if not is_there(CHECKOUT / file, test)]
    assert missing == []


def is_there(file: Path, test: str) -> bool:
    return file.exists() and re.search(rf"def {test}\(", file.read_text("utf-8")) is not None
