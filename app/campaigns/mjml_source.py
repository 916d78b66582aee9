"""MJML that owners bring: what is wrong with it, in words, before the compiler says less."""

from __future__ import annotations

import re
from collections.abc import Iterator

import mjml

from app.core.errors import Invalid

_TAG = re.compile(
    r"<!--.*?-->|<(/?)(mjml|mj-[a-z-]+)((?:\"[^\"]*\"|'[^']*'|[^>\"'])*?)(/?)>", re.DOTALL
)
_KNOWN = frozenset(
    ("mjml", "mj-head", "mj-body", "mj-attributes", "mj-all", "mj-class", "mj-breakpoint",
     "mj-font", "mj-preview", "mj-style", "mj-title", "mj-raw", "mj-html-attributes",
     "mj-selector", "mj-html-attribute", "mj-section", "mj-column", "mj-group", "mj-wrapper",
     "mj-text", "mj-image", "mj-button", "mj-divider", "mj-spacer", "mj-table", "mj-social",
     "mj-social-element", "mj-navbar", "mj-navbar-link", "mj-hero", "mj-carousel",
     "mj-carousel-image", "mj-accordion", "mj-accordion-element", "mj-accordion-title",
     "mj-accordion-text")
)  # fmt: skip


class BadMjml(Invalid):
    """A source that cannot become a mail."""


def to_html(source: str) -> str:
    """Compile. Raises BadMjml with the line and what to do."""
    for problem in _problems(source):
        raise BadMjml(problem)
    try:
        return str(mjml.mjml2html(source, fonts={}))
    except ValueError:
        raise BadMjml(
            "This MJML cannot be read. Look for an attribute without quotes, a tag in the wrong "
            "place (text belongs into <mj-text>, that into <mj-column>, that into <mj-section>) "
            "or a “&” that should be “&amp;”."
        ) from None


def _problems(source: str) -> Iterator[str]:
    opened: list[tuple[str, int]] = []
    seen = set()
    for found in _TAG.finditer(source):
        closing, name, _, alone = found.groups()
        if name is None:
            continue
        line = source.count("\n", 0, found.start()) + 1
        seen.add(name)
        if name == "mj-include":
            yield f"Line {line}: <mj-include> cannot fetch anything here. Paste its content."
        elif name not in _KNOWN:
            yield f"Line {line}: MJML has no <{name}>."
        elif closing:
            yield from _closing(name, opened, line)
        elif not alone:
            opened.append((name, line))
    for name, line in opened:
        yield f"Line {line}: <{name}> is never closed. Write </{name}> where it should end."
    for name in ("mjml", "mj-body"):
        if name not in seen:
            yield f"There is no <{name}>. MJML begins with <mjml><mj-body>."


def _closing(name: str, opened: list[tuple[str, int]], line: int) -> Iterator[str]:
    if not opened:
        yield f"Line {line}: </{name}> closes nothing."
    elif opened[-1][0] != name:
        inner, begin = opened[-1]
        yield f"Line {line}: </{name}> comes before </{inner}> (opened in line {begin})."
    else:
        opened.pop()
