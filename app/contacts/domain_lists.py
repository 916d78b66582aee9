"""Domains of free mailboxes and of throw-away ones; the lists and where they come from lie in
`data/`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "data"


def is_free_mail(domain: str) -> bool:
    """Whether anybody can have a mailbox there for nothing."""
    return domain in _named("free_mail_domains.txt")


def is_disposable(domain: str) -> bool:
    """Whether mailboxes there live for minutes: made to get past a form."""
    return domain in _named("disposable_domains.txt")


def disposable() -> frozenset[str]:
    """All of those."""
    return _named("disposable_domains.txt")


def free_mail() -> frozenset[str]:
    """All domains of free mailboxes."""
    return _named("free_mail_domains.txt")


@cache
def _named(file: str) -> frozenset[str]:
    """About 1 MB each, read when first asked for."""
    return frozenset((_FOLDER / file).read_text("utf-8").split())
