"""The text of the privacy policy, written from what this installation is set to do."""

from __future__ import annotations

from functools import cache
from typing import TypedDict
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.config import CHECKOUT, Config


class Section(TypedDict):
    """A part of the policy. `id` is its anchor and stays the same through all versions."""

    id: str
    title: str
    paragraphs: list[str]


def text(config: Config) -> list[Section]:
    """All sections in order: templates/privacy/_policy.txt, filled in."""
    sections: list[Section] = []
    for block in _written(config).split("\n\n"):
        words = " ".join(block.split())
        if words.startswith("# "):
            anchor, _, title = words[2:].partition(": ")
            sections.append(Section(id=anchor, title=title, paragraphs=[]))
        elif words:
            sections[-1]["paragraphs"].append(words)
    return sections


def obfuscated(email: str) -> str:
    """For pages: people read it, harvesters do not."""
    return email.replace("@", " (at) ")


def _written(config: Config) -> str:
    relay = urlsplit(config.SMTP_URL).hostname or "localhost"
    return (
        _templates()
        .get_template("_policy.txt")
        .render(
            settings=config,
            site=urlsplit(config.BASE_URL).hostname or "",
            contact=obfuscated(config.OPERATOR_EMAIL),
            relay="" if relay in ("localhost", "127.0.0.1", "::1") else relay,
        )
    )


@cache
def _templates() -> Environment:
    # Plain text, escaped where a page shows it.
    return Environment(
        loader=FileSystemLoader(CHECKOUT / "templates" / "privacy"),
        autoescape=False,  # noqa: S701
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
