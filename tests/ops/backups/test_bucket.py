"""Backups in a bucket."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from app.config import Config
from app.core.db import transaction
from app.ops.backup import Trouble, places, running
from app.staff import backups
from tests import bucketserver
from tests.bucketserver import BucketServer
from tests.conftest import Person

NAME = "leadersend-20261124-120000-1.tar.gz.age"


@pytest.fixture
def bucket() -> Iterator[BucketServer]:
    with BucketServer() as server:
        yield server


@pytest.fixture
def config(settings: Config, bucket: BucketServer) -> Config:
    return replace(
        settings, BACKUP_TO=bucket.url, BACKUP_S3_KEY=bucketserver.KEY,
        BACKUP_S3_SECRET=bucketserver.SECRET,
    )  # fmt: skip


@pytest.fixture
def place(config: Config) -> places.Place:
    found = places.place_of(config)
    assert found is not None
    return found


def test_the_signature_is_that_of_the_documentation() -> None:
    """The example "GET Object" of Amazon's documentation, with its key and its result."""
    secret, bucketserver.SECRET = bucketserver.SECRET, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    headers = {
        "host": "examplebucket.s3.amazonaws.com", "range": "bytes=0-9",
        "x-amz-content-sha256": empty, "x-amz-date": "20130524T000000Z",
    }  # fmt: skip
    try:
        found = bucketserver.signature(
            "GET", "/test.txt", headers, "host;range;x-amz-content-sha256;x-amz-date",
            "20130524/us-east-1/s3/aws4_request",
        )  # fmt: skip
    finally:
        bucketserver.SECRET = secret
    assert found == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"


def test_backups_are_kept_there_proven_and_removed(
    app: Flask, alice: Person, config: Config, bucket: BucketServer
) -> None:
    for _ in range(4):
        with transaction():
            backups.want("vera@example.com")
        assert running.run_due(replace(config, BACKUP_KEEP=3))

    made = [run for run in backups.latest() if run.state == "done"]
    assert {run.rehearsal for run in made} == {"good"}
    assert len(bucket.objects) == 3
    assert all(name.startswith("leadersend/leadersend-") for name in bucket.objects)
    assert bucket.refused == []


@pytest.mark.parametrize("size", [0, 10, 5_000_000, 12_345_678])
def test_what_is_written_is_read_again(
    place: places.Place, bucket: BucketServer, tmp_path: Path, size: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(places, "PART_BYTES", 5 * 1024 * 1024)
    content = os.urandom(size)
    with place.writing(NAME) as file:
        for at in range(0, size, 70_000):
            file.write(content[at : at + 70_000])

    assert places.fetch(place, NAME, tmp_path / "back") == size
    assert (tmp_path / "back").read_bytes() == content
    assert bucket.uploads == {}


def write(place: places.Place, size: int) -> None:
    with place.writing(NAME) as file:
        for _ in range(0, size, 100_000):
            file.write(os.urandom(100_000))


def break_off(place: places.Place, size: int) -> None:
    with place.writing(NAME) as file:
        file.write(os.urandom(size))
        raise ZeroDivisionError


@pytest.mark.parametrize("size", [10, 12_345_678])
def test_a_writer_that_breaks_off_leaves_nothing(
    place: places.Place, bucket: BucketServer, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(places, "PART_BYTES", 5 * 1024 * 1024)

    with pytest.raises(ZeroDivisionError):
        break_off(place, size)

    assert (bucket.objects, bucket.uploads) == ({}, {})


def test_a_bucket_that_is_full_is_said_and_hangs_nobody(
    place: places.Place, bucket: BucketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "PART_BYTES", 5 * 1024 * 1024)
    bucket.fail = lambda method, target: "partNumber=2" in target
    began = time.monotonic()

    with pytest.raises(Trouble, match="safe/leadersend at 127"):
        write(place, 40_000_000)

    assert (bucket.objects, bucket.uploads) == ({}, {})
    assert time.monotonic() - began < 30


def test_a_wrong_key_is_said(config: Config, bucket: BucketServer) -> None:
    place = places.place_of(replace(config, BACKUP_S3_SECRET="another"))

    assert place is not None
    with pytest.raises(Trouble, match="SignatureDoesNotMatch"):
        place.kept()


def test_nobody_there_is_said(config: Config) -> None:
    place = places.place_of(replace(config, BACKUP_TO="s3://safe/x?endpoint=http://127.0.0.1:9"))

    assert place is not None
    with pytest.raises(Trouble, match=r"127\.0\.0\.1:9"):
        place.kept()


@pytest.mark.parametrize("to", ["s3://", "s3:///x", "s3://safe?endpoint=s3.example.com"])
def test_an_address_that_cannot_work_is_said(config: Config, to: str) -> None:
    with pytest.raises(Trouble, match="BACKUP_TO"):
        places.place_of(replace(config, BACKUP_TO=to))


def test_one_that_is_not_there_is_said(place: places.Place, tmp_path: Path) -> None:
    with pytest.raises(Trouble):
        places.fetch(place, NAME, tmp_path / "back")
    assert not (tmp_path / "back").exists()
    with pytest.raises(Trouble, match="no name of a backup"):
        places.fetch(place, "../../etc/passwd", tmp_path / "back")
