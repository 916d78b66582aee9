"""Commands about customer accounts."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from app.commands.base import (
    account_of,
    add,
    application,
    complain,
    complaining,
    demand_address,
    group,
    show,
)


def declare(commands: Any) -> None:
    """Add them to a parser."""
    account = group(commands, "account", "customer accounts")
    create = add(account, "create", create_account, "make an account and its owner")
    create.add_argument("--business", required=True, help="name of the business")
    create.add_argument("--email", required=True, help="address of its owner, who signs in")
    create.add_argument("--address", default="", help="postal address, at the end of every mail")
    create.add_argument("--sender", help="a From address that counts as confirmed")

    export = add(account, "export", export_account, "write everything of an account to a ZIP")
    export.add_argument("--account", type=int, required=True, help="id of the account")
    export.add_argument("file", type=Path, metavar="FILE")

    take_in = add(account, "import", import_account, "take such a ZIP into an account")
    take_in.add_argument("--account", type=int, help="id of the account; default: a new one")
    take_in.add_argument("file", type=Path, metavar="FILE")

    token = group(commands, "token", "tokens for the HTTP API")
    create = add(token, "create", create_token, "make a token; it is shown once")
    create.add_argument("--account", type=int, required=True, help="id of the account")
    create.add_argument("--scope", nargs="+", action="extend", default=[], help="default: all")
    create.add_argument("--days", type=int, help="until it ends; default: never")
    create.add_argument("--network", default="", help="from where alone it may be used")


def create_account(options: argparse.Namespace) -> None:
    from app.accounts import auditing, opening
    from app.auth import passwords
    from app.core.db import transaction

    demand_address("--email", options.email)
    if options.sender is not None:
        demand_address("--sender", options.sender)
    with application(), transaction():
        account, member = opening.open_account(
            business=options.business,
            email=options.email,
            address=options.address,
            vouched=True,
            sender=options.sender,
        )
        auditing.note(account, None, "account.create", "by the operator")
        url = passwords.url(passwords.issue(member))
        found = {"account": account.id, "member": member.id, "set_password_url": url}
    show(found, options)


def export_account(options: argparse.Namespace) -> None:
    from app.moving import by_hand
    from app.staff import book

    with application(), complaining(OSError):
        account = account_of(options.account)
        book.note_command(account, "fetch", "takeout", "account export")
        rows, size = by_hand.export(account, options.file)
    show({"file": str(options.file), "rows": rows, "bytes": size}, options)


def import_account(options: argparse.Namespace) -> int:
    from app.auth import passwords
    from app.core.db import transaction
    from app.moving import by_hand

    with application(), complaining(OSError):
        found: dict[str, Any] = {}
        if options.account is None:
            with transaction():
                account, owner = by_hand.open_for(options.file)
                found["set_password_url"] = passwords.url(passwords.issue(owner))
        else:
            account = account_of(options.account)
        takein = by_hand.take_in(account, options.file)
        found |= {"account": account.id, "state": takein.state, "counts": takein.counts}
        found["problems"] = takein.problems
    show(found, options)
    return 0 if takein.state == "finished" else complain(takein.error)


def create_token(options: argparse.Namespace) -> None:
    from app.accounts import api_tokens
    from app.core.db import transaction

    with application(), transaction():
        account = account_of(options.account)
        scopes = options.scope or list(api_tokens.ALL_SCOPES)
        _, secret = api_tokens.make(
            account, None, name="made by the operator", scopes=scopes, days=options.days,
            networks=options.network,
        )  # fmt: skip
    show({"token": secret}, options)
