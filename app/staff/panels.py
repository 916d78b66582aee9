"""Panels of the staff's page of an account: each shows one kind of object.

A feature hangs its own one in with a module of `app.staff` that says

    @panel("billing", "Plan and invoices", "staff/panels/_billing.html", icon="receipt")
    def billing(account: Account) -> dict[str, Any]:
        return {…}

and is imported by `app.staff.routes`. The fragment gets the account as `subject` (`account` is
the reader's own), `look`, and what the function returns. Who sees it stands in `staff.purposes`:
nothing is loaded for anybody else, and each opening of a panel is a line of the account's access
book. A view behind one of its forms begins with

    account, look = looking_at(account_id, "billing")

of `staff.routes.blueprint`, and says `book.note(look, "do", "billing")` where it changes something.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.accounts.models import Account
from app.core.errors import NotFound
from app.staff.purposes import KINDS, may_see

Load = Callable[[Account], dict[str, Any]]


@dataclass(frozen=True)
class Panel:
    """What is shown of one kind of object."""

    kind: str
    """A key of staff.purposes.KINDS."""
    label: str
    template: str
    """A fragment."""
    icon: str
    load: Load


_PANELS: dict[str, Panel] = {}


def panel(kind: str, label: str, template: str, *, icon: str = "eye") -> Callable[[Load], Load]:
    """Hang a panel in; there is one for each kind."""
    if kind not in KINDS or kind in _PANELS:
        raise ValueError(f"{kind} is no kind of staff.purposes, or has a panel already.")

    def add(load: Load) -> Load:
        _PANELS[kind] = Panel(kind, label, template, icon, load)
        return load

    return add


def for_purpose(purpose: str) -> list[Panel]:
    """In the order of the kinds."""
    return [_PANELS[kind] for kind in KINDS if kind in _PANELS and may_see(purpose, kind)]


def find(purpose: str, kind: str) -> Panel:
    """Raises NotFound where the purpose does not hold that kind."""
    if kind not in _PANELS or not may_see(purpose, kind):
        raise NotFound("This page")
    return _PANELS[kind]
