"""Memory that is free again."""

from __future__ import annotations

import contextlib
import ctypes


def give_back() -> None:
    """Hand freed memory back to the system: what the C library keeps for later counts as this
    process's own. Call it once after large work. Does nothing where the library is not glibc."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
