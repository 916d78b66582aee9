"""Where backups are kept: a folder, or a bucket that speaks S3's protocol."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast
from urllib.parse import parse_qs, urlsplit

import urllib3
from minio import Minio
from minio.error import MinioException
from urllib3.exceptions import HTTPError

from app.config import Config
from app.ops.backup.trouble import Trouble

#: Only files of this name are ever listed or removed.
NAME = re.compile(r"leadersend-\d{8}-\d{6}(-\d+)?\.tar\.gz\.age")
PART_BYTES = 16 * 1024 * 1024
PARTIAL = ".partial"
#: Nothing was written to it for so long: whoever made it is gone.
LEFT_S = 24 * 3600.0


@dataclass(frozen=True)
class Kept:
    """A backup that is there."""

    name: str
    size_bytes: int


class Place(Protocol):
    """Where backups are kept."""

    @property
    def words(self) -> str:
        """For people, without passwords."""

    def writing(self, name: str) -> contextlib.AbstractContextManager[BinaryIO]:
        """A file to write into. It is there under its name when the block ends well."""

    def reading(self, name: str) -> contextlib.AbstractContextManager[io.BufferedReader]:
        """A file to read from."""

    def kept(self) -> list[Kept]:
        """What is there, oldest first."""

    def remove(self, name: str) -> None:
        """Take one away."""

    def tidy(self) -> None:
        """Clear away what was left by somebody who was killed in the middle."""


def place_of(config: Config) -> Place | None:
    """What BACKUP_TO names; None where nothing is said. Raises Trouble."""
    to = config.BACKUP_TO
    if not to:
        return None
    if to.startswith("s3:"):
        return Bucket(to, config)
    return Folder(Path(to))


def fetch(place: Place, name: str, to: Path) -> int:
    """Copy a kept backup into a file of this machine; returns its size. Raises Trouble."""
    if not NAME.fullmatch(name):
        raise Trouble(f"{name} is no name of a backup. See: leadersend backups list")
    try:
        handle = os.open(to, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except OSError as error:
        raise Trouble(f"{to}: {error.strerror}") from None
    try:
        with place.reading(name) as source, os.fdopen(handle, "wb") as file:
            shutil.copyfileobj(source, file, PART_BYTES)
    except (OSError, HTTPError) as error:
        to.unlink(missing_ok=True)
        raise Trouble(f"{name} could not be copied whole: {error}") from None
    except Trouble:
        to.unlink(missing_ok=True)
        raise
    return to.stat().st_size


class Folder:
    """A folder, on this machine or mounted from another."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def words(self) -> str:
        return str(self.path)

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        partial = self.path / f"{name}{PARTIAL}"
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        except OSError as error:
            raise Trouble(f"{self.path}: {error.strerror}") from None
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            partial.rename(self.path / name)
        except OSError as error:
            raise Trouble(f"{self.path}: {error.strerror or error}") from None
        finally:
            partial.unlink(missing_ok=True)

    @contextlib.contextmanager
    def reading(self, name: str) -> Iterator[io.BufferedReader]:
        try:
            file = (self.path / name).open("rb")
        except OSError as error:
            raise Trouble(f"{self.path / name}: {error.strerror}") from None
        with file:
            yield file

    def kept(self) -> list[Kept]:
        if not self.path.is_dir():
            return []
        found = [
            Kept(path.name, path.stat().st_size)
            for path in self.path.iterdir()
            if NAME.fullmatch(path.name)
        ]
        return sorted(found, key=lambda one: one.name)

    def remove(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)

    def tidy(self) -> None:
        for path in self.path.glob(f"*{PARTIAL}"):
            is_ours = NAME.fullmatch(path.name.removesuffix(PARTIAL))
            with contextlib.suppress(FileNotFoundError):
                if is_ours and time.time() - path.stat().st_mtime > LEFT_S:
                    path.unlink()


class Bucket:
    """`s3://bucket/prefix?endpoint=https://…&region=…`, with the key in settings of its own."""

    def __init__(self, url: str, config: Config) -> None:
        parts = urlsplit(url)
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        endpoint = urlsplit(options.get("endpoint", "https://s3.amazonaws.com"))
        if not parts.hostname or not endpoint.hostname:
            raise Trouble(
                "BACKUP_TO must look like s3://bucket/folder?endpoint=https://s3.example.com"
            )
        if not config.BACKUP_S3_KEY or not config.BACKUP_S3_SECRET:
            raise Trouble("A bucket needs BACKUP_S3_KEY and BACKUP_S3_SECRET.")
        self.bucket, self.prefix = parts.hostname, parts.path.strip("/")
        self.host = endpoint.netloc
        try:
            self.client = Minio(
                self.host,
                access_key=config.BACKUP_S3_KEY,
                secret_key=config.BACKUP_S3_SECRET,
                secure=endpoint.scheme == "https",
                region=options.get("region", "us-east-1"),
                http_client=_patient(),
            )
        except ValueError as error:
            raise Trouble(f"BACKUP_TO: {error}") from None

    @property
    def words(self) -> str:
        return f"{self.bucket}/{self.prefix} at {self.host}"

    def _object(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        """Sent in parts as it is written; an upload that breaks leaves nothing under the name."""
        read_end, write_end = os.pipe()
        out, into = os.fdopen(read_end, "rb"), os.fdopen(write_end, "wb")
        failed: list[BaseException] = []
        broken = threading.Event()

        def send() -> None:
            try:
                with out:
                    # One part at a time: memory stays flat, and nothing is on its way any more
                    # when an upload is taken back.
                    self.client.put_object(
                        self.bucket, self._object(name), cast(BinaryIO, _Whole(out, broken)), -1,
                        part_size=PART_BYTES, num_parallel_uploads=1,
                    )  # fmt: skip
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        try:
            yield cast(BinaryIO, into)
            into.close()
        except BaseException:
            # Said before the end is: whoever reads takes an end for the end of the whole.
            broken.set()
            with contextlib.suppress(OSError):
                into.close()
            thread.join()
            if failed and not isinstance(failed[0], _Broken):
                # The bucket failed first, and whoever wrote found nobody to take it.
                raise self._trouble(failed[0]) from None
            raise
        thread.join()
        if failed:
            raise self._trouble(failed[0]) from None

    @contextlib.contextmanager
    def reading(self, name: str) -> Iterator[io.BufferedReader]:
        try:
            response = self.client.get_object(self.bucket, self._object(name))
        except (MinioException, HTTPError, OSError) as error:
            raise self._trouble(error) from None
        try:
            # It would close itself with the last byte, before whoever reads has seen the end.
            cast(Any, response).auto_close = False
            yield io.BufferedReader(cast(io.RawIOBase, response), PART_BYTES)
        except HTTPError as error:
            raise self._trouble(error) from None
        finally:
            response.close()
            response.release_conn()

    def kept(self) -> list[Kept]:
        prefix = f"{self.prefix}/" if self.prefix else ""
        try:
            found = [
                Kept(str(one.object_name).removeprefix(prefix), int(one.size or 0))
                for one in self.client.list_objects(self.bucket, prefix=prefix)
            ]
        except (MinioException, HTTPError, OSError) as error:
            raise self._trouble(error) from None
        return sorted((one for one in found if NAME.fullmatch(one.name)), key=lambda one: one.name)

    def remove(self, name: str) -> None:
        try:
            self.client.remove_object(self.bucket, self._object(name))
        except (MinioException, HTTPError, OSError) as error:
            raise self._trouble(error) from None

    def tidy(self) -> None:
        """Parts of an upload that nobody ended are seen by the bucket alone: a rule of its own
        life cycle removes them."""

    def _trouble(self, error: BaseException) -> Trouble:
        return Trouble(f"{self.words}: {getattr(error, 'message', None) or error}")


def _patient() -> urllib3.PoolManager:
    """Silence ends a request after a minute, and errors of the other side are tried again."""
    return urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=20, read=60),
        retries=urllib3.Retry(total=3, backoff_factor=0.5, status_forcelist=[500, 502, 503, 504]),
        cert_reqs="CERT_REQUIRED",
    )


class _Broken(Exception):
    """Whoever wrote stopped in the middle: what was sent must not become a backup."""


class _Whole:
    """Reads as much as it is asked for, and refuses to end after a writer that broke off."""

    def __init__(self, file: BinaryIO, broken: threading.Event) -> None:
        self.file, self.broken = file, broken

    def read(self, size: int = -1) -> bytes:
        found = self.file.read(size)
        if self.broken.is_set():
            raise _Broken
        return found
