"""The text of the privacy policy, written from what this installation is set to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, NotRequired, TypedDict
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.config import CHECKOUT, Config
from app.privacy import figures, inventory

INVENTORY = "inventory"
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
MORE = "more"
#: Between words; no-break spaces stay, which French has before some signs.
_SPACES = re.compile(r"[ \t\n]+")


class Section(TypedDict):
    """A part of the policy. `id` is its anchor and stays the same through all versions."""

    id: str
    title: str
    paragraphs: list[str]
    entries: NotRequired[list[dict[str, str]]]
    """Of the data inventory: inventory.as_rows()."""


def text(config: Config, sources: Mapping[str, Any] | None = None) -> list[Section]:
    """All sections in order: templates/privacy/_policy.txt, filled in.

    `sources` is what people wrote, as inventory.draft() has it.
    """
    sections = written(
        "privacy/_policy.txt",
        settings=config,
        site=urlsplit(config.BASE_URL).hostname or "",
        contact=obfuscated(config.OPERATOR_EMAIL),
        relay=own_relay(config),
        tracker=config.TRACKER_NAME if config.TRACKER_SCRIPT else "",
        payments="Stripe" if config.BILLING and config.STRIPE_SECRET_KEY else "",
    )
    return [filled for section in sections if (filled := _filled(section, sources or {}))]


def written(template: str, *, language: str = "en", **context: Any) -> list[Section]:
    """A text of ours by sections: "# anchor: title" begins one, an empty line a paragraph.

    `lasts` holds the figures of figures.in_words(); in other languages than English, of kept_in().
    """
    sections: list[Section] = []
    lasts = figures.in_words() if language == "en" else figures.kept_in(language)
    text = _templates().get_template(template).render(lasts=lasts, **context)
    for block in text.split("\n\n"):
        words = _SPACES.sub(" ", block).strip(" ")
        if words.startswith("# "):
            anchor, _, title = words[2:].partition(": ")
            sections.append(Section(id=anchor, title=title, paragraphs=[]))
        elif words:
            sections[-1]["paragraphs"].append(words)
    return sections


def _filled(section: Section, sources: Mapping[str, Any]) -> Section | None:
    if section["id"] == INVENTORY:
        section["entries"] = inventory.as_rows(inventory.in_words(sources))
    if section["id"] == MORE:
        section["paragraphs"] = [
            " ".join(line.split()) for line in sources.get("more", "").splitlines() if line.strip()
        ]
        return section if section["paragraphs"] else None
    return section


def obfuscated(email: str) -> str:
    """For pages: people read it, harvesters do not."""
    return email.replace("@", " (at) ")


def own_relay(config: Config) -> str:
    """The host of somebody else's mail server that the operator sends through, or nothing."""
    host = urlsplit(config.SMTP_URL).hostname or "localhost"
    return "" if host in THIS_MACHINE else host


@cache
def _templates() -> Environment:
    # Plain text, escaped where a page shows it.
    return Environment(
        loader=FileSystemLoader(CHECKOUT / "templates"),
        autoescape=False,  # noqa: S701
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
