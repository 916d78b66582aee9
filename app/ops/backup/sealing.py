"""Encrypting backups with age (https://age-encryption.org/v1), as a stream.

The key is made once and lies in the data folder; its public half writes backups, its secret half
opens them, here or with the program `age`. It is never in a backup itself.
"""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

import pyrage

from app.ops.backup.trouble import Trouble

KEY_FILE = "backup_key"
#: How a file of age begins.
MAGIC = b"age-encryption.org/v1\n"


def key_of(home: Path) -> pyrage.x25519.Identity:
    """The installation's key; made where it is missing."""
    path = home / KEY_FILE
    if not path.exists():
        _make_key(path)
    return read_key(path)


def _make_key(path: Path) -> None:
    """Whole or not at all, and one where several make it at once."""
    draft = path.with_name(f"{KEY_FILE}.{secrets.token_hex(6)}")
    try:
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(f"{pyrage.x25519.Identity.generate()}\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    except OSError as error:
        raise Trouble(f"{path}: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)


def read_key(path: Path) -> pyrage.x25519.Identity:
    """A key from a file, whose comments count as in files of age. Raises Trouble."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Trouble(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    for line in lines:
        if line.strip() and not line.startswith("#"):
            with contextlib.suppress(pyrage.IdentityError):
                return pyrage.x25519.Identity.from_str(line.strip())
    raise Trouble(f"{path} holds no key of age: a line that begins with AGE-SECRET-KEY-1.")


@contextlib.contextmanager
def writing(to: BinaryIO, key: pyrage.x25519.Identity) -> Iterator[BinaryIO]:
    """A file to write into; what arrives at `to` is encrypted. Raises Trouble where `to` fails.

    What arrived after an error is no whole backup, though it ends well: throw it away.
    """
    into, out = _pipe()
    work = _Beside(lambda: pyrage.encrypt_io(out, to, [key.to_public()]), ends=out)
    try:
        with into:
            yield into
    except BrokenPipeError:
        work.join()
        if work.failed is None:
            raise
    except BaseException:
        work.join()
        raise
    work.join()
    if work.failed is not None:
        raise Trouble(f"The backup cannot be written: {work.failed}")


@contextlib.contextmanager
def reading(source: io.BufferedReader, key: pyrage.x25519.Identity | None) -> Iterator[BinaryIO]:
    """What a backup holds, decrypted where it is encrypted. Raises Trouble for a wrong key."""
    if source.peek(len(MAGIC))[: len(MAGIC)] != MAGIC:
        yield source
        return
    if key is None:
        raise Trouble("This backup is encrypted. Say with --key where its key is.")
    into, out = _pipe()
    work = _Beside(lambda: pyrage.decrypt_io(source, into, [key]), ends=into)
    try:
        yield out
    except Exception as error:
        # A file that cannot be opened ends early: what the reader says of that is no news.
        why = work.failed
        out.close()
        work.join()
        raise (_why(why) if why is not None else error) from None
    finally:
        out.close()
        work.join()
    if work.failed is not None:
        raise _why(work.failed)


class _Beside:
    """A thread at one end of a pipe. It notes its error before the other end sees the end."""

    def __init__(self, work: Callable[[], object], *, ends: BinaryIO) -> None:
        self.failed: BaseException | None = None
        self._work, self._ends = work, ends
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.join = self._thread.join
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work()
            self._ends.flush()
        except BaseException as error:
            self.failed = error
        finally:
            # Nobody may be there any more to take the rest.
            with contextlib.suppress(OSError):
                self._ends.close()


def _why(error: BaseException) -> Trouble:
    if isinstance(error, pyrage.DecryptError):
        return Trouble("The key does not open this backup, or the file is damaged.")
    return Trouble(f"The backup is damaged or cannot be read: {error}")


def _pipe() -> tuple[BinaryIO, BinaryIO]:
    """A file to write into and one to read from."""
    read_end, write_end = os.pipe()
    return cast(BinaryIO, os.fdopen(write_end, "wb")), cast(BinaryIO, os.fdopen(read_end, "rb"))
