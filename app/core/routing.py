"""Numbers in addresses."""

from __future__ import annotations

from typing import Any

from werkzeug.routing import IntegerConverter

from app.core.owning import LARGEST


class Number(IntegerConverter):
    """`<int:…>` of every route: what is larger than any id is not found, before anybody asks a
    database that takes no such number."""

    def __init__(self, url_map: Any, *given: Any, **options: Any) -> None:
        options.setdefault("max", LARGEST - 1)
        super().__init__(url_map, *given, **options)
