from __future__ import annotations

from importlinter.cli import lint_imports

from app.config import CHECKOUT


def test_every_part_imports_only_what_it_may() -> None:
    assert lint_imports(str(CHECKOUT / "setup.cfg"), no_cache=True) == 0
