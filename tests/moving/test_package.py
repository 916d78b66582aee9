"""Whatever stands in a cell comes back as it was, and a torn ZIP is put together again."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.contacts.rows import as_csv
from app.moving import writing
from app.moving.archive import Archive, Busy
from app.moving.package import NoTakeout, Package

TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=40)
ROWS = st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=20)


def packed(folder: Path, files: dict[str, bytes]) -> Path:
    """A ZIP with a manifest that fits."""
    told = [
        {"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in files.items()
    ]
    manifest = {"format": writing.FORMAT, "version": 1, "account": {}, "files": told}
    with zipfile.ZipFile(folder / "x.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in {**files, "manifest.json": json.dumps(manifest).encode()}.items():
            file.writestr(name, data)
    return folder / "x.zip"


@contextmanager
def opened(text: str) -> Iterator[Package]:
    """A package with one table."""
    with TemporaryDirectory() as folder:
        path = packed(Path(folder), {"x.csv": text.encode()})
        with Package(path) as package:
            yield package


@given(ROWS)
@settings(max_examples=60, deadline=None)
def test_any_cells_come_back(rows: list[tuple[str, str, str]]) -> None:
    text = writing.MARK + as_csv([("a", "b", "c"), *rows])

    with (
        TemporaryDirectory() as folder,
        Package(packed(Path(folder), {"x.csv": text.encode()})) as p,
    ):
        assert [tuple(row.values()) for row in p.rows("x.csv")] == rows


@given(ROWS, st.data())
@settings(max_examples=60, deadline=None)
def test_reading_goes_on_from_any_row(rows: list[tuple[str, str, str]], data: Any) -> None:
    text = as_csv([("a", "b", "c"), *rows])
    with (
        TemporaryDirectory() as folder,
        Package(packed(Path(folder), {"x.csv": text.encode()})) as p,
    ):
        read = list(p.rows_from("x.csv", 0))
        number = data.draw(st.integers(0, len(read) - 1))

        rest = list(p.rows_from("x.csv", read[number][1]))

    assert rest == read[number + 1 :]


@given(st.binary(max_size=3_000), st.binary(max_size=30))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_refused_in_words(data: bytes, end: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.zip"
        path.write_bytes(data + b"PK\x05\x06" + end)
        with pytest.raises(NoTakeout):
            Package(path)


@given(st.lists(st.integers(0, 200_000), min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_cut_anywhere_it_goes_back_to_where_the_last_run_ended(lengths: list[int]) -> None:
    with TemporaryDirectory() as folder:
        path, size = Path(folder) / "x.zip", 0
        for number, length in enumerate(lengths):
            size = grow(path, size, f"{number}.txt")
            cut(path, size, length)
        size = grow(path, size, "last.txt")

        with zipfile.ZipFile(path) as file:
            assert file.testzip() is None
            assert len(file.namelist()) == len(lengths) + 1


def grow(path: Path, size: int, name: str) -> int:
    with Archive(path, size) as file:
        with file.entry(name) as sink:
            sink.write(name.encode() * 500)
            sink.rows = 1
        return file.close()


def cut(path: Path, size: int, length: int) -> None:
    """A run that dies while it writes: the table is gone, some bytes of an entry are there."""
    with Archive(path, size) as file:
        start = file._zip.start_dir
    with path.open("r+b") as torn:
        torn.seek(start)
        torn.truncate()
        torn.write(b"x" * length)


def test_two_never_write_to_one_file(tmp_path: Path) -> None:
    with Archive(tmp_path / "x.zip", 0), pytest.raises(Busy):
        Archive(tmp_path / "x.zip", 0)
