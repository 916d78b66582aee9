from __future__ import annotations

import subprocess
import sys

import pytest

from app.config import CHECKOUT


@pytest.mark.flow
def test_the_demo_adds_up() -> None:
    done = subprocess.run(  # noqa: S603
        [sys.executable, str(CHECKOUT / "tools" / "demo.py"), "--people", "600"],
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Everything adds up" in done.stdout
