"""The documentation knows every setting and every command."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import fields

import pytest

from app.cli import parser
from app.config import CHECKOUT, Config

DOCS = CHECKOUT / "docs"


def commands(of: argparse.ArgumentParser, name: str = "leadersend") -> Iterator[str]:
    """Every command with its group: "leadersend account create"."""
    groups = [a for a in of._actions if isinstance(a, argparse._SubParsersAction)]
    if not groups:
        yield name
    for group in groups:
        for word, below in group.choices.items():
            yield from commands(below, f"{name} {word}")


@pytest.mark.parametrize("setting", [field.name for field in fields(Config)])
def test_every_setting_is_described(setting: str) -> None:
    assert f"| `{setting}` |" in (DOCS / "configuration.md").read_text()


def test_no_setting_is_described_that_does_not_exist() -> None:
    text = (DOCS / "configuration.md").read_text().partition("## For the checkout")[0]
    described = set(re.findall(r"^\| `([A-Z0-9_]+)` \|", text, re.MULTILINE))

    assert described == {field.name for field in fields(Config)}


@pytest.mark.parametrize("command", list(commands(parser())))
def test_every_command_is_documented(command: str) -> None:
    assert any(command in path.read_text() for path in DOCS.glob("*.md"))


def test_make_help_names_every_target() -> None:
    makefile = (CHECKOUT / "Makefile").read_text()
    declared = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)

    assert declared
    for target in declared[1].split():
        assert re.search(rf"^{target}:.*## ", makefile, re.MULTILINE), target
