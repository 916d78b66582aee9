from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from importlinter.cli import lint_imports

from app.config import CHECKOUT


def test_every_part_imports_only_what_it_may() -> None:
    assert lint_imports(str(CHECKOUT / "setup.cfg"), no_cache=True) == 0


#: Only some requests and jobs need these; at the start each would cost every process 1 to 14 MB.
WHEN_NEEDED = ("PIL", "dns", "joserfc", "minio", "nh3", "valkey", "webauthn", "zxcvbn")


def test_what_few_need_is_not_loaded_at_the_start(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from app.config import load\n"
        "from app.factory import create_app\n"
        f"create_app(load({{'LEADERSEND_HOME': {str(tmp_path)!r}}}))\n"
        f"print(*sorted(set(sys.modules) & set({WHEN_NEEDED!r})))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)  # noqa: S603

    assert done.stdout.split() == []
