"""Commands about the operator's people, and whoever cannot sign in."""

from __future__ import annotations

import argparse
from typing import Any

from app.commands.base import (
    Complaint,
    add,
    application,
    complaining,
    demand_address,
    group,
    in_a_row,
    show,
)


def declare(commands: Any) -> None:
    """Add them to a parser."""
    staff = group(commands, "staff", "the operator's people")
    create = add(staff, "create", create_staff, "make an operator login")
    create.add_argument("--email", required=True)
    create.add_argument("--role", nargs="+", action="extend", required=True, help="purposes")

    sign_in = group(commands, "sign-in", "people who cannot sign in any more")
    reset = add(sign_in, "reset", reset_sign_in, "remove second factors, end all sessions")
    reset.add_argument("--email", required=True, help="whose")

    house = group(commands, "house", "the operator's own account, for mailings to customers")
    create = add(house, "create", create_house, "make it; customers who agreed come in")
    create.add_argument("--name", required=True, help="what mailings come from")
    create.add_argument("--address", required=True, help="postal address, at the end of every mail")
    create.add_argument("--sender", default="", help="a From address that counts as confirmed")


def create_staff(options: argparse.Namespace) -> None:
    from app.accounts import auditing, opening
    from app.auth import passwords
    from app.core.db import transaction
    from app.ops.preparing import STAFF_ROLES

    if unknown := set(options.role) - set(STAFF_ROLES):
        wrong = ", ".join(sorted(unknown))
        raise Complaint(f"No such role: {wrong}. There are {in_a_row(STAFF_ROLES)}.")
    demand_address("--email", options.email)
    with application(), transaction():
        member = opening.member_of(options.email)
        member.staff_roles = sorted({*member.staff_roles, *options.role})
        auditing.note(None, member, "staff.create", ", ".join(member.staff_roles))
        url = passwords.url(passwords.issue(member))
        found = {"member": member.id, "roles": member.staff_roles, "set_password_url": url}
    show(found, options)


def reset_sign_in(options: argparse.Namespace) -> None:
    from app.auth import passwords, second_factors, sessions, signing_in
    from app.core.db import transaction

    with application(), transaction():
        member = signing_in.find(options.email)
        if member is None:
            raise Complaint(f"Nobody here has the address {options.email}.")
        second_factors.reset(member)
        ended = sessions.end_all(member)
        url = passwords.url(passwords.issue(member))
        found = {"member": member.id, "sessions_ended": ended, "set_password_url": url}
    show(found, options)


def create_house(options: argparse.Namespace) -> None:
    from app.core.db import transaction
    from app.core.errors import DomainError
    from app.staff import house

    if options.sender:
        demand_address("--sender", options.sender)
    with application(), complaining(DomainError), transaction():
        account = house.make(name=options.name, address=options.address, sender=options.sender)
        found = {"account": account.id}
    show(found, options)
