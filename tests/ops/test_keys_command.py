"""`leadersend keys`, on a real installation, and what a backup needs to be read."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

from app.config import CHECKOUT
from tests.ops.running import environment, run

#: Mail servers with passwords, as people enter them.
SEED = """
from app.accounts.models import Account, Relay
from app.core import sealing
from app.core.db import db, transaction
from app.factory import create_app

with create_app().app_context(), transaction():
    for number in range(30):
        db.session.add(
            Relay(
                account_id=1, name="R", host="mail.example", port=587,
                sealed_password=sealing.seal(f"pass {number}"),
            )
        )
"""


def keys(home: Path, verb: str, *more: str) -> tuple[int, dict[str, Any]]:
    done = run(home, "keys", verb, "--json", *more)
    return done.returncode, json.loads(done.stdout)


def relays(found: dict[str, Any]) -> tuple[int, int]:
    (one,) = [one for one in found["sealed"] if one["column"] == "relay.sealed_password"]
    return one["current"], one["older"]


def test_a_rotated_installation_and_its_backup_can_be_read(tmp_path: Path) -> None:
    home, other, file = tmp_path / "home", tmp_path / "other", tmp_path / "backup.tar.gz"
    run(home, "account", "create", "--business", "Bakery", "--email", "alice@bakery.example")
    subprocess.run(  # noqa: S603
        [sys.executable, "-c", SEED], env=environment(home), cwd=CHECKOUT, check=True, timeout=60
    )

    code, found = keys(home, "rotate")
    assert (code, found["current"], relays(found)) == (0, 1, (0, 30))
    code, found = keys(home, "rotate", "--wait")
    assert (found["current"], found["keys"], relays(found)) == (2, [0, 1, 2], (30, 0))
    assert stat.S_IMODE((home / "sealing_keys").stat().st_mode) == 0o600

    run(home, "backup", str(file))
    run(other, "restore", str(file))
    code, found = keys(other, "status")
    assert (code, relays(found), found["unreadable"]) == (0, (30, 0), [])

    (other / "sealing_keys").unlink()
    told = run(other, "keys", "status")
    assert told.returncode == 1
    assert "relay 1, sealed_password" in told.stderr
    doctor = run(other, "doctor")
    assert doctor.returncode == 1
    assert "sealing_keys is not the one of this installation" in doctor.stdout
