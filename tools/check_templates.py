"""Parse every template: a mistake in one is found before anybody opens its page."""

from __future__ import annotations

import sys
from pathlib import Path

from jinja2 import Environment, TemplateSyntaxError

ROOT = Path(__file__).resolve().parent.parent / "templates"


def main() -> int:
    environment, wrong = Environment(autoescape=True), 0
    for path in sorted(ROOT.rglob("*.*")):
        try:
            environment.parse(path.read_text(), filename=str(path))
        except TemplateSyntaxError as error:
            print(f"{path.relative_to(ROOT.parent)}:{error.lineno}: {error.message}")
            wrong += 1
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
