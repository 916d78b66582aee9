"""A look at the finished HTML: its links, its images, and whether the footer can be seen."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from lxml import html as lxml_html

from app.campaigns.layout import FOOTER_MARK
from app.campaigns.places import LIQUID
from app.campaigns.protecting import Protected

_GOOD = re.compile(r"(?:https?://[^/?#\s]|mailto:|tel:|sms:)", re.IGNORECASE)
_PROGRAM = re.compile(r"(?:javascript|vbscript|data|file|blob):", re.IGNORECASE)
_HOST = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)
_HIDING = re.compile(
    r"display:none|visibility:hidden|opacity:0(?:[;!]|$)|font-size:0(?:[a-z;!%]|$)"
    r"|(?:max-)?(?:height|width):0(?:[a-z;!%]|$)|mso-hide:all"
)
_HIDING_TAGS = frozenset(
    ("template", "noscript", "details", "dialog", "textarea", "title", "head", "select", "svg",
     "object", "video", "audio", "iframe", "button", "script", "style")
)  # fmt: skip
_USELESS = ("script", "form", "iframe", "object", "embed", "video", "audio", "input", "base")


@dataclass
class Inspection:
    """What was found; addresses as the owner wrote them."""

    links: list[str] = field(default_factory=list)
    dangerous: list[str] = field(default_factory=list)
    relative: list[str] = field(default_factory=list)
    host_tags: list[str] = field(default_factory=list)
    insecure: list[str] = field(default_factory=list)
    useless: list[str] = field(default_factory=list)
    empty: int = 0
    without_alt: int = 0
    blank_alt: int = 0
    images: int = 0
    footer_visible: bool = True


@lru_cache(maxsize=32)
def inspect(html: str) -> Inspection:
    """Look through a compiled mail. What stands in the footer is ours and not looked at."""
    protected = Protected(html, comments=True)
    tree = lxml_html.document_fromstring(protected.source or "<p></p>")
    seen = Inspection()
    footers = tree.xpath(f"//div[@class='{FOOTER_MARK}']")
    seen.footer_visible = bool(footers) and not _hidden(footers[-1])
    for footer in footers[-1:]:
        footer.drop_tree()
    for element in tree.iter("a", "area", "img", *_USELESS):
        _look_at(element, protected, seen)
    return seen


def _look_at(element: Any, protected: Protected, seen: Inspection) -> None:
    if element.tag in ("a", "area"):
        if (href := element.get("href")) is not None:
            _link(protected.restore(href).strip(), seen)
    elif element.tag == "img":
        seen.images += 1
        alt = element.get("alt")
        seen.without_alt += alt is None
        seen.blank_alt += alt is not None and not alt.strip()
        _image(protected.restore(element.get("src") or "").strip(), seen)
    elif element.tag not in seen.useless:
        seen.useless.append(element.tag)


def _link(href: str, seen: Inspection) -> None:
    seen.links.append(href)
    # Browsers ignore control characters inside a scheme: "java\nscript:".
    bare = re.sub(r"[\x00-\x20]+", "", re.sub(r"\{%.*?%\}", "", href, flags=re.DOTALL))
    if not bare or bare == "#":
        seen.empty += 1
    elif _PROGRAM.match(bare):
        seen.dangerous.append(href)
    elif bare.startswith(("#", "{{")):
        pass  # a place in the mail, or an address that delivery checks when it fills it in
    elif not _GOOD.match(bare):
        seen.relative.append(href)
    elif (host := _HOST.match(href)) and LIQUID.search(host[1]):
        seen.host_tags.append(href)
    elif bare.lower().startswith("http:"):
        seen.insecure.append(href)


def _image(src: str, seen: Inspection) -> None:
    if src and not re.match(r"(?:https?://|data:image/|cid:|\{\{)", src, re.IGNORECASE):
        seen.relative.append(src)


def _hidden(element: Any) -> bool:
    """Whether something around the footer keeps it from being seen."""
    for around in element.iterancestors():
        style = re.sub(r"\s+", "", around.get("style") or "").lower()
        if around.tag in _HIDING_TAGS or around.get("hidden") is not None or _HIDING.search(style):
            return True
    return False
