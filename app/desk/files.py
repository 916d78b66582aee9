"""Files that strangers send: what they are by their first bytes, and under which name they lie."""

from __future__ import annotations

import re
import unicodedata

MOST = 10
LARGEST_BYTES = 5_000_000
LARGEST_TOGETHER = 10_000_000
NAME_LENGTH = 120

#: First bytes, what it is, and the endings of names that are fine for it.
_KINDS: tuple[tuple[bytes, str, tuple[str, ...]], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG picture", ("png",)),
    (b"\xff\xd8\xff", "JPEG picture", ("jpg", "jpeg")),
    (b"GIF8", "GIF picture", ("gif",)),
    (b"%PDF-", "PDF document", ("pdf",)),
    (b"PK\x03\x04", "ZIP archive or office document",
     ("zip", "docx", "xlsx", "pptx", "odt", "ods", "odp")),
    (b"\xd0\xcf\x11\xe0", "old office document", ("doc", "xls", "ppt", "msg")),
    (b"MZ", "program", ()),
    (b"\x7fELF", "program", ()),
    (b"#!", "script", ()),
)  # fmt: skip
#: What opens as a program, or runs one, whatever its bytes look like.
_RISKY_ENDINGS = frozenset(
    [
        "ade",
        "adp",
        "app",
        "application",
        "bat",
        "chm",
        "cmd",
        "com",
        "cpl",
        "dll",
        "docm",
        "dotm",
        "exe",
        "gadget",
        "hta",
        "htm",
        "html",
        "img",
        "ins",
        "iso",
        "isp",
        "jar",
        "js",
        "jse",
        "lnk",
        "mde",
        "msc",
        "msi",
        "msp",
        "mst",
        "pif",
        "potm",
        "ppam",
        "ppsm",
        "pptm",
        "ps1",
        "reg",
        "rtf",
        "scf",
        "scr",
        "sct",
        "shb",
        "svg",
        "sys",
        "url",
        "vb",
        "vbe",
        "vbs",
        "vhd",
        "vxd",
        "wsc",
        "wsf",
        "wsh",
        "xhtml",
        "xlam",
        "xlsm",
        "xltm",
        "xml",
        "xsl",
    ]
)
_PLAIN = frozenset(["csv", "eml", "ics", "log", "md", "txt", "vcf"])


def sniff(name: str, content: bytes) -> tuple[str, bool]:
    """What a file is, for people, and whether to be careful with it."""
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    for start, kind, endings in _KINDS:
        if content.startswith(start):
            return kind, ending not in endings or ending in _RISKY_ENDINGS
    if ending in _RISKY_ENDINGS:
        return "file that may run programs", True
    is_text = b"\0" not in content[:4096]
    if is_text and (ending in _PLAIN or not ending):
        return "text", False
    return "file", not is_text or bool(ending)


def safe_name(name: str, number: int) -> str:
    """A name without folders, control characters or tricks of direction."""
    name = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    name = "".join(one for one in name if unicodedata.category(one)[0] != "C")
    name = re.sub(r"\s+", " ", name).strip(" .")
    if len(name) > NAME_LENGTH:
        stem, dot, ending = name.rpartition(".")
        keeps = f"{dot}{ending}" if dot and len(ending) < 12 else ""
        name = (stem if keeps else name)[: NAME_LENGTH - len(keeps)] + keeps
    return name or f"file-{number}"
