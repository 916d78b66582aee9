"""Evidence on paper: a PDF that a person reads, with the same as JSON attached for a machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unicodedata import category

from fpdf import FPDF
from fpdf.enums import WrapMode, XPos, YPos

from app.contacts.evidence import Evidence, Recorded

FONTS = Path(__file__).resolve().parent / "fonts"
INK, SOFT, LINE, BRAND = (27, 31, 29), (91, 98, 94), (228, 225, 216), (28, 107, 80)
LABEL_MM = 34
#: An entry does not begin so close to the end of a page.
ROOM_MM = 75


def pdf(evidence: Evidence) -> bytes:
    """The document; letters that the font lacks are written as their number in Unicode."""
    paper = _Paper(evidence)
    paper.add_page()
    paper.opening()
    for number, one in enumerate(evidence["entries"], start=1):
        paper.entry(number, one)
    paper.instructions()
    return bytes(paper.output())


class _Paper(FPDF):
    def __init__(self, evidence: Evidence) -> None:
        super().__init__(format="A4")
        self.evidence = evidence
        self.add_font("DejaVu", "", FONTS / "DejaVuSans.ttf")
        self.add_font("DejaVu", "B", FONTS / "DejaVuSans-Bold.ttf")
        self.set_text_shaping(use_shaping_engine=True)
        self.set_margins(20, 18, 20)
        self.set_auto_page_break(auto=True, margin=20)
        self.set_title("Evidence of consent")
        self.set_creator("LeaderSend")
        self.set_lang("en")
        attached = json.dumps(evidence, ensure_ascii=False, indent=2).encode()
        self.embed_file(
            bytes=attached, basename="evidence.json", mime_type="application/json",
            desc="The same, to be checked by a program",
        )  # fmt: skip

    def footer(self) -> None:
        self.set_y(-14)
        self._style(7, SOFT)
        head = self.evidence["head"] or "nothing sealed yet"
        self.cell(0, 4, f"Head of the chain: {head}", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.cell(0, 4, f"Page {self.page_no()} of {{nb}}", align="R")

    def opening(self) -> None:
        """Who, for whom, when."""
        self._style(18, INK, bold=True)
        self._line("Evidence of consent", 9)
        facts = [
            ("Person", self.evidence["name"]),
            ("Address", self.evidence["address"]),
            ("Sender", self.evidence["business"]),
            ("", self.evidence["business_address"]),
            ("Made", _moment(self.evidence["made_at"])),
            ("Entries", str(len(self.evidence["entries"]))),
        ]
        self._facts([fact for fact in facts if fact[1]], 9)
        if not self.evidence["entries"]:
            self.ln(4)
            self._style(10, INK)
            self._line("Nothing is recorded of this person.", 6)

    def entry(self, number: int, one: Recorded) -> None:
        """One entry with its place in the chain."""
        if self.get_y() > self.h - ROOM_MM:
            self.add_page()
        self.ln(5)
        self.set_draw_color(*LINE)
        self.line(self.l_margin, self.get_y(), self.w - self.r_margin, self.get_y())
        self.ln(3)
        self._style(11, BRAND, bold=True)
        self._line(f"{number}. {one['what']}, {one['how']}", 6)
        self._facts([fact for fact in _about(one) if fact[1]], 9)
        self._facts(_place(one), 7)

    def instructions(self) -> None:
        """How anybody can check it."""
        self.ln(8)
        self._style(12, INK, bold=True)
        self._line("How to verify this", 7)
        self._style(8, INK)
        for number, text in enumerate(
            ("This file holds evidence.json, which the following is about.",
             *self.evidence["how_to_verify"]), start=1,
        ):  # fmt: skip
            self._line(f"{number}. {text}", 4.6)

    def _style(self, size: float, colour: tuple[int, int, int], *, bold: bool = False) -> None:
        self.set_font("DejaVu", "B" if bold else "", size)
        self.set_text_color(*colour)

    def _line(self, text: str, height: float) -> None:
        self._text(text, height, "WORD")

    def _facts(self, facts: Sequence[tuple[str, str]], size: float) -> None:
        for label, text in facts:
            self._style(size, SOFT)
            self.cell(LABEL_MM, size * 0.5, label)
            self._style(size, INK)
            self._text(text, size * 0.5, "WORD" if " " in text else "CHAR")

    def _text(self, text: str, height: float, wraps: str) -> None:
        self.multi_cell(
            0, height, self._writable(text), align="L", wrapmode=WrapMode(wraps),
            new_x=XPos.LMARGIN, new_y=YPos.NEXT,
        )  # fmt: skip

    def _writable(self, text: str) -> str:
        """Without control characters, and with numbers for letters that the font has not."""
        known: Any = self.fonts["dejavu"]
        return "".join(
            letter if letter == "\n" or ord(letter) in known.cmap else f"[U+{ord(letter):04X}]"
            for letter in text
            if letter == "\n" or not category(letter).startswith("C")
        )


def _about(one: Recorded) -> list[tuple[str, str]]:
    version = one["policy_version"]
    return [
        ("When", _moment(one["at"])),
        ("Address", one["address"]),
        ("List", one["list"]),
        ("Wording", one["wording"]),
        *((name.replace("_", " ").capitalize(), str(v)) for name, v in one["details"].items()),
        ("Privacy policy", f"version {version}" if version else ""),
    ]


def _place(one: Recorded) -> list[tuple[str, str]]:
    proof = one["proof"]
    if proof is None:
        return [("Place", f"entry {one['entry']}, recorded just now and not sealed yet")]
    seal = proof["seal"]
    return [
        ("Place", (f"entry {one['entry']}, {proof['position']} of {seal['entries']} under seal "
                  f"{seal['number']} of {_moment(seal['at'])}")),
        ("Hash of the entry", proof["leaf"]),
        ("Hash of the seal", seal["hash"]),
    ]  # fmt: skip


def _moment(text: str) -> str:
    """2026-05-03T10:20:30.123456Z as 2026-05-03 10:20:30 UTC."""
    return f"{text[:10]} {text[11:19]} UTC"
