"""Keys of what is sealed: another one is made, and everything comes over while all runs."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
import time_machine

from app.accounts.jobs import keep_secrets
from app.accounts.models import Mailbox, Relay
from app.config import Config
from app.core import resealing, sealing
from app.core.clock import now
from app.core.db import Base, db, transaction
from tests.conftest import SECRET, Person


@pytest.fixture(autouse=True)
def keys(app: object, home: Path) -> Iterator[Path]:
    """The file of keys, which other tests do not know."""
    path = home / sealing.KEY_FILE
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture
def servers(alice: Person) -> list[int]:
    """250 mail servers with passwords, and one without."""
    with transaction():
        rows = [
            Relay(
                account_id=alice.account.id, name=f"R{number}", host="mail.example", port=587,
                sealed_password=sealing.seal(f"pass {number}") if number else None,
            )
            for number in range(251)
        ]  # fmt: skip
        db.session.add_all(rows)
        db.session.flush()
        return [row.id for row in rows]


def passwords() -> list[str]:
    query = sa.select(Relay.sealed_password).where(Relay.sealed_password.is_not(None))
    return [sealing.unseal(value) for value in db.session.scalars(query.order_by(Relay.id))]


WANTED = [f"pass {number}" for number in range(1, 251)]


def of_relays() -> tuple[int, int]:
    (found,) = [one for one in resealing.progress() if one.column == "relay.sealed_password"]
    return found.current, found.older


def test_what_is_sealed_names_its_key_and_stays_readable(keys: Path) -> None:
    first = sealing.seal("old")
    sealing.rotate()
    second = sealing.seal("new")
    sealing.rotate()

    assert not first.startswith("v")
    assert second.startswith("v1:")
    assert sealing.seal("newest").startswith("v2:")
    assert [sealing.unseal(one) for one in (first, second)] == ["old", "new"]
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600


def test_everything_comes_over_in_slices(servers: list[int]) -> None:
    assert (of_relays(), keep_secrets()) == ((250, 0), 0)
    sealing.rotate()
    assert of_relays() == (0, 250)

    assert resealing.run(limit=100) == 100

    # Killed here, both kinds are there and both can be read.
    assert of_relays() == (100, 150)
    assert passwords() == WANTED
    assert keep_secrets() == 150
    assert of_relays() == (250, 0)
    assert passwords() == WANTED
    assert keep_secrets() == 0


def test_older_keys_go_when_nothing_needs_them_a_day_later(servers: list[int]) -> None:
    sealing.rotate()
    resealing.run()
    sealing.rotate()
    assert resealing.run(limit=100) == 100
    with time_machine.travel(now() + timedelta(days=2)):
        assert keep_secrets() == 150
        assert sorted(sealing.ring().boxes) == [0, 1, 2]
        assert keep_secrets() == 1
    assert sorted(sealing.ring().boxes) == [0, 2]
    assert passwords() == WANTED


def test_a_key_made_while_older_ones_are_forgotten_loses_nothing(
    servers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    sealing.rotate()
    assert keep_secrets() == 250
    progress = resealing.progress

    def rotate_behind() -> list[resealing.Progress]:
        found = progress()
        sealing.rotate()
        return found

    monkeypatch.setattr(resealing, "progress", rotate_behind)
    with time_machine.travel(now() + timedelta(days=2)):
        assert keep_secrets() == 0
    assert passwords() == WANTED


def test_keys_made_at_once_are_all_kept(keys: Path) -> None:
    def turn(_number: int) -> str:
        sealing.rotate()
        return sealing.seal("x")

    with ThreadPoolExecutor(8) as hands:
        sealed = list(hands.map(turn, range(40)))

    assert sorted(sealing.ring().boxes) == list(range(41))
    assert {sealing.unseal(one) for one in sealed} == {"x"}


def test_who_writes_meanwhile_is_not_overwritten(
    servers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    sealing.rotate()
    unseal = sealing.unseal
    changed = servers[7]

    def change_meanwhile(sealed: str) -> str:
        value = unseal(sealed)
        if value == "pass 7":
            db.session.connection().execute(
                sa.update(Relay.__table__)
                .where(Relay.__table__.c.id == changed)
                .values(sealed_password=sealing.seal("typed just now"))
            )
        return value

    monkeypatch.setattr(sealing, "unseal", change_meanwhile)
    resealing.run()
    monkeypatch.undo()

    row = db.session.get_one(Relay, changed, populate_existing=True)
    assert sealing.unseal(row.sealed_password or "") == "typed just now"
    assert of_relays() == (250, 0)


def test_another_process_sees_the_new_key(keys: Path, settings: Config) -> None:
    old = sealing.seal("x")
    sealing.rotate()
    new = sealing.seal("y")
    remembered = sealing._state.ring, sealing._state.seen
    sealing.rotate()
    newest = sealing.seal("z")

    sealing._state.ring, sealing._state.seen = remembered

    assert [sealing.unseal(one) for one in (old, new, newest)] == ["x", "y", "z"]
    assert sealing.ring().current == 2


def test_with_another_secret_what_was_brought_over_can_still_be_read(
    servers: list[int], settings: Config
) -> None:
    sealing.rotate()
    assert resealing.run(limit=200) == 200

    sealing.configure("another secret, long enough to pass 0123456789", settings.LEADERSEND_HOME)

    assert len(resealing.unreadable(limit=100)) == 50
    with pytest.raises(sealing.Unreadable):
        passwords()
    # What nobody can read stays as it is, and nothing is said to be over.
    assert resealing.run() == 0
    assert of_relays() == (200, 50)
    sealing.configure(SECRET, settings.LEADERSEND_HOME)
    resealing.run()
    sealing.configure("another secret, long enough to pass 0123456789", settings.LEADERSEND_HOME)
    assert passwords() == WANTED


def test_a_missing_file_of_keys_is_said_in_words(keys: Path, alice: Person) -> None:
    sealing.rotate()
    with transaction():
        db.session.add(
            Mailbox(
                account_id=alice.account.id, host="mail.example", port=993, username="b",
                sealed_password=sealing.seal("x"),
            )
        )  # fmt: skip
    keys.unlink()

    with pytest.raises(sealing.Unreadable, match="key 1 of sealing_keys"):
        sealing.unseal(db.session.scalars(sa.select(Mailbox.sealed_password)).one())


def test_files_come_over_as_well(home: Path, settings: Config) -> None:
    folder = home / "papers"
    folder.mkdir(exist_ok=True)
    paper = folder / f"{'a' * 32}.sealed"
    paper.write_bytes(sealing.seal_bytes(b"\x00contract"))
    sealing.rotate()
    assert sealing.unseal_bytes(paper.read_bytes()) == b"\x00contract"

    assert keep_secrets() == 1

    assert paper.read_bytes().startswith(b"v1:")
    assert sealing.unseal_bytes(paper.read_bytes()) == b"\x00contract"
    assert stat.S_IMODE(paper.stat().st_mode) == 0o600
    assert keep_secrets() == 0
    paper.unlink()


#: Columns whose name sounds like a secret and that hold none, with the reason.
NO_SECRET = {
    "passkey.credential_id": "its name; the secret never leaves the device",
}
SOUNDS_SECRET = ("password", "secret", "token", "private", "credential")
HASHED = ("_hash", "_digest")


def test_nothing_but_what_is_sealed_or_hashed_holds_a_secret() -> None:
    """A new column that sounds like a secret fails here until it is sealed, hashed or explained."""
    open_ = [
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, sa.String | sa.JSON | sa.LargeBinary)
        and any(word in column.name for word in SOUNDS_SECRET)
        and not column.name.startswith("sealed_")
        and not column.name.endswith(HASHED)
    ]

    assert sorted(set(open_) - set(NO_SECRET)) == []
    sealed = {f"{one.table.name}.{one.name}" for one in resealing.columns()}
    assert sealed >= {
        "relay.sealed_password", "mailbox.sealed_password", "report_hook.sealed_key",
        "signing_key.sealed_key", "suppression_key.sealed_key", "authenticator.sealed_secret",
    }  # fmt: skip
    for column in resealing.columns():
        assert len(column.table.primary_key.columns) == 1
