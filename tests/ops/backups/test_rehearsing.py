"""What a rehearsal finds: each kind of damage, done for real."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from app.config import Config
from app.ops.backup import Trouble, archive, census, databases, rehearsing, sealing
from app.ops.backup.places import Folder
from tests.conftest import Person

NAME = "leadersend-20261124-120000-1.tar.gz.age"


@pytest.fixture
def place(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "kept")


def make(config: Config, place: Folder) -> None:
    key = sealing.key_of(config.LEADERSEND_HOME)
    with place.writing(NAME) as file, sealing.writing(file, key) as plain:
        archive.fill(config, plain)


def test_a_whole_one_is_good(app: Flask, alice: Person, settings: Config, place: Folder) -> None:
    make(settings, place)

    found = rehearsing.rehearse(settings, place, NAME)

    assert (found.result, found.words) == ("good", [])


def _change(config: Config, statement: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is dumped is not what was counted: as if a restore went wrong."""
    dump = databases.dump

    def dump_wrongly(config: Config, to: Path) -> census.Census:
        found = dump(config, to)
        if databases.kind(config) == "sqlite":
            with sa.create_engine(f"sqlite:///{to}", poolclass=sa.NullPool).begin() as connection:
                connection.execute(sa.text(statement))
        else:
            with to.open("a") as file:
                file.write(f"SET search_path = public;\n{statement};\n")
        return found

    monkeypatch.setattr(databases, "dump", dump_wrongly)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DELETE FROM membership", "membership: 0 rows instead of 1"),
        ("UPDATE account SET name = 'Other'", "account: rows differ from those that were backed"),
        ("DROP TABLE restoration", "restoration: is missing"),
    ],
)
def test_a_database_that_is_not_the_same_is_found(
    app: Flask, alice: Person, settings: Config, place: Folder,
    monkeypatch: pytest.MonkeyPatch, statement: str, words: str,
) -> None:  # fmt: skip
    _change(settings, statement, monkeypatch)
    make(settings, place)

    found = rehearsing.rehearse(settings, place, NAME)

    assert found.result == "bad"
    assert any(words in line for line in found.words), found.words


def test_a_key_that_opens_no_passwords_is_found(
    app: Flask, settings: Config, place: Folder
) -> None:
    (settings.LEADERSEND_HOME / "secret_key").write_text("another secret, long enough, 0123456789")
    make(settings, place)

    found = rehearsing.rehearse(settings, place, NAME)

    assert found.result == "bad"
    assert "does not open stored passwords" in found.words[0]


def test_a_key_that_is_kept_elsewhere_is_said(
    app: Flask, settings: Config, place: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (settings.LEADERSEND_HOME / "secret_key").unlink()
    monkeypatch.setenv("SECRET_KEY", settings.SECRET_KEY)
    make(settings, place)

    found = rehearsing.rehearse(settings, place, NAME)

    assert found.result == "good"
    assert "comes from the environment" in found.words[0]


@pytest.mark.parametrize("harm", ["cut", "flipped at the end", "flipped in the middle", "empty"])
def test_damage_to_the_file_is_found(
    app: Flask, alice: Person, settings: Config, place: Folder, harm: str
) -> None:
    make(settings, place)
    path = place.path / NAME
    whole = bytearray(path.read_bytes())
    if harm == "cut":
        del whole[len(whole) * 2 // 3 :]
    elif harm == "empty":
        whole.clear()
    else:
        whole[-5 if harm.endswith("end") else len(whole) // 2] ^= 1
    path.write_bytes(whole)

    found = rehearsing.rehearse(settings, place, NAME)

    assert found.result == "bad", harm
    assert len(found.words) == 1


def test_another_key_does_not_open_it(
    app: Flask, settings: Config, place: Folder, tmp_path: Path
) -> None:
    make(settings, place)
    other = sealing.key_of(tmp_path)

    with place.reading(NAME) as file, pytest.raises(Trouble, match="key does not open"):
        archive.unpack(file, tmp_path / "out", key=other)


def test_what_is_no_backup_is_said(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("Dear Alice")

    with (tmp_path / "letter").open("rb") as file, pytest.raises(Trouble, match="no complete"):
        archive.unpack(file, tmp_path / "out")


def test_nothing_is_left_of_a_rehearsal(
    app: Flask, settings: Config, place: Folder, request: pytest.FixtureRequest
) -> None:
    make(settings, place)
    rehearsing.rehearse(settings, place, NAME)

    assert list(settings.LEADERSEND_HOME.glob("backup-*")) == []
    if databases.kind(settings) == "postgresql":
        with sa.create_engine(settings.DATABASE_URL, poolclass=sa.NullPool).connect() as connection:
            names = connection.scalars(sa.text("SELECT datname FROM pg_database")).all()
        assert [name for name in names if name.startswith("rehearsal_")] == []


def test_the_census_is_small(app: Flask, alice: Person, settings: Config) -> None:
    found = databases.census_of(settings.DATABASE_URL)

    assert found["account"]["rows"] == 1
    assert len(json.dumps(found)) < 20_000
