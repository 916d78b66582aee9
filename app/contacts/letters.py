"""How the bytes of a file become letters: guessed from its beginning, corrected by people."""

from __future__ import annotations

import re

#: Encodings in which a line ends at a byte, as people may know them. Wider ones (UTF-16) are
#: rewritten while a file is taken in.
ENCODINGS = {
    "utf-8": "Unicode (UTF-8)",
    "cp1252": "Western European (Windows)",
    "cp1250": "Central European (Windows)",
    "iso8859-2": "Central European (ISO 8859-2)",
    "cp1257": "Baltic (Windows)",
    "cp1251": "Cyrillic (Windows)",
    "koi8-u": "Cyrillic (KOI8)",
    "cp1253": "Greek (Windows)",
    "cp1254": "Turkish (Windows)",
    "cp1255": "Hebrew (Windows)",
    "cp1256": "Arabic (Windows)",
    "cp874": "Thai (Windows)",
    "shift_jis": "Japanese (Shift JIS)",
    "gb18030": "Chinese, simplified (GB 18030)",
    "big5": "Chinese, traditional (Big5)",
    "cp949": "Korean (Windows)",
    "cp850": "Western European (DOS)",
    "mac_roman": "Western European (older Macs)",
}
#: Signs of Western Europe where other encodings have letters: £ukasz, Wa³êsa, KaŸmierska.
_SIGNS_IN_WORDS = re.compile(r"[A-Za-z][¹³¿¶¼¾]|[£¥¯][a-zó]|[a-z]Ÿ")


def guess(beginning: bytes) -> str:
    """The encoding that makes most sense of whole lines.

    Files that are not Unicode come from a spreadsheet under Windows nearly always. What cannot
    be told apart is read as Western European; people see the rows and can say otherwise.
    """
    if _fits(beginning, "utf-8"):
        return "utf-8"
    is_western = _fits(beginning, "cp1252") and not _has_signs_in_words(beginning)
    return "cp1250" if not is_western and _fits(beginning, "cp1250") else "cp1252"


def _fits(text: bytes, encoding: str) -> bool:
    try:
        text.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _has_signs_in_words(text: bytes) -> bool:
    return _SIGNS_IN_WORDS.search(text.decode("cp1252", "replace")) is not None
