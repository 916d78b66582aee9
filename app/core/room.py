"""Room on the disk of the data folder, and what is said when there is none."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.core import settings
from app.core.errors import DomainError

#: With less than this, the next thing that is written may fail.
LEAST_BYTES = 2_000_000
_WORDS = ("disk is full", "no space left on device", "could not extend file")


class NoRoom(DomainError):
    """The disk is full."""

    status = 507

    def __init__(self) -> None:
        super().__init__(
            "The disk of this LeaderSend is full, so this was not kept. Nothing else was lost. "
            "Make room, or ask whoever runs it to; then do it once more."
        )


def is_for_want_of_room(error: BaseException) -> bool:
    """Whether an error of the system or of a database means a full disk."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return any(word in str(error).lower() for word in _WORDS)


def is_full() -> bool:
    """Whether the data folder's disk is as good as full."""
    try:
        return shutil.disk_usage(settings.get().LEADERSEND_HOME).free < LEAST_BYTES
    except OSError:
        return False


@contextmanager
def kept(path: Path) -> Iterator[None]:
    """A file that stays when all went well; else it goes. Raises NoRoom for a full disk."""
    try:
        yield
    except OSError as error:
        path.unlink(missing_ok=True)
        if is_for_want_of_room(error):
            raise NoRoom from error
        raise
    except BaseException:
        path.unlink(missing_ok=True)
        raise
