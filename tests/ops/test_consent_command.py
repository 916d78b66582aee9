"""`leadersend consent verify` and `audit verify`, on a real installation, before and after a
restore."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from app.config import CHECKOUT
from tests.ops.running import environment, run
from tests.servers import PostgresServer

#: What a worker does when people sign up and its tick comes round.
SEED = """
from app.accounts.models import Account
from app.contacts import consent, jobs, lists, writing
from app.core.db import db, transaction
from app.factory import create_app

with create_app().app_context():
    with transaction():
        account = db.session.get_one(Account, 1)
        news = lists.create(account, "News")
        for number in range(12):
            person = writing.create(account, f"p{number}@example.com")
            consent.subscribe(person, news, source="hand", wording="Said so")
    jobs.keep_ledger()
"""


def seeded(home: Path, **settings: str) -> None:
    made = run(
        home, "account", "create", "--business", "Bakery", "--email", "alice@bakery.example",
        **settings,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    subprocess.run(  # noqa: S603
        [sys.executable, "-c", SEED], env=environment(home, **settings), cwd=CHECKOUT, check=True,
        timeout=60,
    )  # fmt: skip


def verify(home: Path, *more: str, **settings: str) -> tuple[int, dict[str, object], str]:
    done = run(home, "consent", "verify", "--json", *more, **settings)
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr


def test_it_names_what_was_altered_and_ends_with_1(tmp_path: Path) -> None:
    home = tmp_path / "home"
    seeded(home)
    code, found, told = verify(home)
    assert (code, found["sound"], found["guarded"], told) == (0, True, True, "")
    everything = run(home, "audit", "verify", "--json")
    assert (everything.returncode, everything.stderr) == (0, "")
    books = json.loads(everything.stdout)["books"]
    assert [(book["book"], book["entries"]) for book in books] == [("audit", 1), ("consents", 12)]
    (account,) = found["accounts"]  # type: ignore[misc]
    assert (account["entries"], account["seals"], account["unsealed"]) == (12, 1, 0)

    with closing(sqlite3.connect(home / "leadersend.sqlite")) as link:
        with pytest.raises(sqlite3.IntegrityError, match="only added to"):
            link.execute("UPDATE consent SET wording = 'x' WHERE id = 5")
        link.execute("DROP TRIGGER consent_is_not_changed")
        link.execute("UPDATE consent SET wording = 'x' WHERE id = 5")
        link.execute("DROP TRIGGER audit_entry_is_not_removed")
        link.execute("DELETE FROM audit_entry WHERE account_id = 1")
        link.commit()

    code, found, told = verify(home, "--account", "1")
    assert (code, found["sound"], found["guarded"]) == (1, False, False)
    assert "Account 1: Entry 5 was altered after it was sealed." in told
    assert "triggers" in told
    everything = run(home, "audit", "verify", "--json")
    assert everything.returncode == 1
    assert "consents of account 1: Entry 5 was altered" in everything.stderr
    assert "audit of account 1: The last entry is missing." in everything.stderr
    assert "changes to the audit log are missing" in everything.stderr


def test_a_noted_hash_is_found_again_after_a_restore(tmp_path: Path) -> None:
    home, other, file = tmp_path / "home", tmp_path / "other", tmp_path / "backup.tar.gz"
    seeded(home)
    head = verify(home)[1]["accounts"][0]["head"]  # type: ignore[index]
    run(home, "backup", str(file))

    run(other, "restore", str(file))

    assert verify(other, "--account", "1", "--known-head", head)[:2] == verify(home)[:2]
    assert verify(other, "--account", "1", "--known-head", "0" * 64)[0] == 1
    assert verify(other, "--account", "7")[0] == 1
    assert verify(other, "--known-head", head)[0] == 1


def test_so_it_is_on_postgresql(tmp_path: Path, postgres: PostgresServer) -> None:
    home, other, file = tmp_path / "home", tmp_path / "other", tmp_path / "backup.tar.gz"
    url, empty = postgres.database("ledger"), postgres.database("ledger_restored")
    seeded(home, DATABASE_URL=url)
    run(home, "backup", str(file), DATABASE_URL=url)

    run(other, "restore", str(file), DATABASE_URL=empty)

    before, after = verify(home, DATABASE_URL=url), verify(other, DATABASE_URL=empty)
    assert before == after
    assert (after[0], after[1]["guarded"]) == (0, True)
