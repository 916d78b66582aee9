"""Where in an HTML source each piece of Liquid stands, for only the place says how to escape.

The scanner follows the HTML standard as far as mail needs it: text, tags, attributes, comments
(conditional ones count as HTML, since Outlook reads them), style, script, title, textarea.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

LIQUID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)

_TEXT_STOP = re.compile(r"\{\{|\{%|<!--|<[a-zA-Z/!?]")
_IF_SHOWN = re.compile(r"<!--\[if[^\]]*\]>\s*(?:<!--\s*-->|<!-->|-->)", re.IGNORECASE)
_IF_HIDDEN = re.compile(r"<!--\[if[^\]]*\]>", re.IGNORECASE)
_TAG_NAME = re.compile(r"</?([a-zA-Z][^\s/>{]*)")
_ATTRIBUTE = re.compile(r"([^\s=>/{\"'][^\s=>/{]*)(?:\s*=\s*(?=\S))?", re.DOTALL)
_URL_ATTRIBUTES = frozenset(
    ("href", "src", "action", "formaction", "background", "poster", "cite", "data", "srcset",
     "xlink:href", "longdesc", "usemap", "manifest", "ping")
)  # fmt: skip
_RAW = {"style": "css", "script": "word", "title": "text", "textarea": "text", "xmp": "text",
        "mj-style": "css", "mj-title": "text", "mj-preview": "text"}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """`kind` is text, attribute, url (the beginning of an address), part (of an address), css,
    word (a tag's or attribute's name, or script) or comment. `open` means that a comment may
    stand here instead."""

    kind: str
    open: bool = False


class Scan:
    """One walk over a source."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.places: dict[int, Place] = {}
        self.tags: list[tuple[str, int, int]] = []
        """Tags that every mail program sees: "<body" or "</body", beginning, end."""
        self.pos = 0
        self.hidden_to = 0
        """Where the conditional comment ends that the scan is in, or was in last."""
        self.end = "text"
        """Where the source stops: text, tag, comment or the name of a raw element."""
        self._text()
        if self.hidden_to > len(source):
            self.end = "comment"

    @property
    def hidden(self) -> bool:
        """Inside a conditional comment, which only Outlook reads as HTML."""
        return self.pos < self.hidden_to

    def _text(self) -> None:
        while stop := _TEXT_STOP.search(self.source, self.pos):
            self.pos = stop.start()
            if stop[0].startswith("{"):
                self._note(Place("text", open=not self.hidden))
            elif stop[0] == "<!--":
                self._comment()
            elif stop[0] in ("<!", "<?"):
                self._skip_to(">", "comment")
            else:
                self._tag()
        self.pos = len(self.source)

    def _note(self, place: Place) -> None:
        self.places[self.pos] = place
        found = LIQUID.match(self.source, self.pos)
        self.pos = found.end() if found else self.pos + 2

    def _comment(self) -> None:
        if shown := _IF_SHOWN.match(self.source, self.pos):
            self.pos = shown.end()
        elif not self.hidden and (hidden := _IF_HIDDEN.match(self.source, self.pos)):
            end = self.source.find("-->", hidden.end())
            self.hidden_to = end + 3 if end >= 0 else len(self.source) + 1
            self.pos = hidden.end()
        elif self.source.startswith(("<!-->", "<!--->"), self.pos):
            self._skip_to(">", "comment")
        else:
            self.pos += 4
            self._until("-->", Place("comment"), "comment")

    def _skip_to(self, mark: str, otherwise: str) -> None:
        found = self.source.find(mark, self.pos)
        if found < 0:
            self.end, self.pos = otherwise, len(self.source)
        else:
            self.pos = found + len(mark)

    def _until(self, mark: str, place: Place, otherwise: str) -> None:
        """Note Liquid up to `mark`, compared without case, and step behind it."""
        stop = re.compile(r"\{\{|\{%|" + re.escape(mark), re.IGNORECASE)
        while found := stop.search(self.source, self.pos):
            self.pos = found.start()
            if not found[0].startswith("{"):
                self.pos = found.end()
                return
            self._note(place)
        self.end, self.pos = otherwise, len(self.source)

    def _tag(self) -> None:
        found = _TAG_NAME.match(self.source, self.pos)
        if found is None:
            self.pos += 2
            return
        self.pos = found.end()
        if not self._attributes():
            self.end = "tag"
            return
        name = found[1].lower()
        if not self.hidden:
            self.tags.append((found[0].lower(), found.start(), self.pos))
        if name in _RAW and not found[0].startswith("</"):
            self._until(f"</{name}", Place(_RAW[name]), name)
            if self.end == "text":
                self._skip_to(">", "tag")

    def _attributes(self) -> bool:
        """Step behind the tag's ">"; False where there is none."""
        while self.pos < len(self.source):
            char = self.source[self.pos]
            if char == ">":
                self.pos += 1
                return True
            if self.source.startswith(("{{", "{%"), self.pos):
                self._note(Place("word"))
            elif found := _ATTRIBUTE.match(self.source, self.pos):
                self.pos = found.end()
                if found[0].rstrip().endswith("="):
                    self._value(found[1].lower())
            else:
                self.pos += 1
        return False

    def _value(self, name: str) -> None:
        quote = self.source[self.pos]
        quoted = quote in "\"'"
        if quoted:
            self.pos += 1
        stop = re.compile(r"\{\{|\{%|" + (quote if quoted else r"[\s>]"))
        begin = self.pos
        while found := stop.search(self.source, self.pos):
            self.pos = found.start()
            if not found[0].startswith("{"):
                self.pos += quoted
                return
            self._note(Place(self._value_kind(name, begin)))
        self.pos = len(self.source)

    def _value_kind(self, name: str, begin: int) -> str:
        if name in _URL_ATTRIBUTES:
            before = re.sub(r"\{%.*?%\}", "", self.source[begin : self.pos], flags=re.DOTALL)
            return "part" if before.strip() else "url"
        if name == "style":
            return "css"
        return "word" if name.startswith("on") else "attribute"


@lru_cache(maxsize=64)
def scan(source: str) -> Scan:
    """The places of a source."""
    return Scan(source)
