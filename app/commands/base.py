"""What commands have in common: how they are declared, where they work, and what they say."""

from __future__ import annotations

import argparse
import gc
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from app.config import load


class Complaint(Exception):
    """Why a command cannot do what was asked."""


def group(commands: Any, name: str, about: str) -> Any:
    """A word under which there are commands; returns what they are added to."""
    word = commands.add_parser(name, help=about, description=about)
    return word.add_subparsers(title="commands", required=True, metavar="COMMAND")


def add(
    commands: Any, name: str, action: Callable[..., int | None], about: str
) -> argparse.ArgumentParser:
    """A command, to which options can be added; `action` returns how it ends, None for well."""
    command: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about)
    command.add_argument("--json", action="store_true", help="print data on one line")
    command.set_defaults(action=action)
    return command


@contextmanager
def application() -> Iterator[None]:
    """An application context on a database of this version."""
    gc.disable()  # all that is loaded now stays; looking through it takes a seventh of the start
    from app.core.db import db
    from app.core.errors import DomainError
    from app.core.migrating import upgrade
    from app.factory import create_app
    from app.mailer.address import BadAddress

    config = load()
    upgrade(config.DATABASE_URL)
    app = create_app(config)
    gc.freeze()
    gc.enable()
    with app.app_context():
        try:
            yield
        except (DomainError, BadAddress) as error:
            raise Complaint(str(error)) from None
        finally:
            db.session.remove()
            db.engine.dispose()


@contextmanager
def complaining(*kinds: type[Exception]) -> Iterator[None]:
    """Make Complaints of these errors."""
    try:
        yield
    except kinds as error:
        raise Complaint(str(error)) from None


def account_of(account_id: int) -> Any:
    """The Account. Raises Complaint where there is none."""
    account = account_or_none(account_id)
    if account is None:
        raise Complaint(f"There is no account {account_id}.")
    return account


def account_or_none(account_id: int) -> Any:
    """The Account, where there is one."""
    from app.accounts.models import Account
    from app.core.db import db

    return db.session.get(Account, account_id)


def demand_address(option: str, text: str) -> None:
    """Raise Complaint where an option is no mail address."""
    from app.mailer.address import BadAddress, parse

    try:
        parse(text)
    except BadAddress as error:
        raise Complaint(f"{option} {text}: {error}") from None


def show(found: object, options: argparse.Namespace) -> None:
    """Data, as JSON."""
    indent = None if options.json else 2
    sys.stdout.write(json.dumps(found, indent=indent, ensure_ascii=False) + "\n")


def complain(message: str) -> int:
    """Words for people; returns how a command ends that failed."""
    sys.stderr.write(f"leadersend: {message}\n")
    return 1


def in_a_row(names: Sequence[str]) -> str:
    """Names with commas between."""
    return ", ".join(names)
