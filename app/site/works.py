"""Works of others that pages carry, from the list that the vendoring tool wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from app.config import CHECKOUT

LOCK = CHECKOUT / "static" / "vendor" / "vendor.lock.json"
PURPOSES = {
    "htmx.org": ("htmx", "updates parts of a page in place"),
    "@fontsource-variable/inter": ("Inter", "the typeface"),
    "lucide-static": ("Lucide", "the icons"),
}


@dataclass(frozen=True)
class Work:
    """One work with its licence."""

    name: str
    purpose: str
    version: str
    licence: str
    licence_file: str
    """Path under static/."""


@cache
def works() -> tuple[Work, ...]:
    """All of them, in the order of the list."""
    return tuple(_work(entry) for entry in json.loads(LOCK.read_text()))


def _work(entry: dict[str, Any]) -> Work:
    package = str(entry["package"])
    files = entry["files"]
    licence_file = next(path for path in files if path.endswith("/LICENSE"))
    name, purpose = PURPOSES.get(package, (package, "a part of some pages"))
    return Work(name, purpose, str(entry["version"]), str(entry["licence"]), licence_file)
