"""Commands that prove that records were not altered, and bring keys forward."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from app.commands.base import (
    Complaint,
    add,
    application,
    complain,
    complaining,
    group,
    in_a_row,
    show,
)


def declare(commands: Any) -> None:
    """Add them to a parser."""
    consent = group(commands, "consent", "the record of what people agreed to")
    verify = add(
        consent,
        "verify",
        verify_consents,
        "check that nothing in it was altered since it was sealed",
    )
    verify.add_argument("--account", type=int, help="id of one account; default: all")
    verify.add_argument("--known-head", help="a hash noted earlier that must still be in the chain")

    audit = group(commands, "audit", "records that are only added to")
    verify = add(
        audit, "verify", verify_books, "check that nothing in any of them was altered or removed"
    )
    verify.add_argument("--account", type=int, help="id of one account; default: all")
    verify.add_argument("--book", help="name of one record; default: all")
    verify.add_argument("--known-head", help="a hash noted earlier that must still be in a chain")

    keys = group(commands, "keys", "keys that seal stored passwords")
    rotate = add(keys, "rotate", rotate_keys, "make a new key, and bring everything over to it")
    rotate.add_argument("--wait", action="store_true", help="until everything is brought over")
    add(keys, "status", show_keys, "show what is sealed with which key")


def verify_consents(options: argparse.Namespace) -> int:
    from app.contacts import verifying

    if options.known_head and options.account is None:
        raise Complaint("--known-head belongs to one account: name it with --account.")
    with application():
        known = verifying.accounts()
        if options.account is not None and options.account not in known:
            raise Complaint(f"There is no account {options.account}.")
        chosen = known if options.account is None else [options.account]
        found = [verifying.verify(account_id) for account_id in chosen]
        lost = options.known_head and not verifying.holds(options.account, options.known_head)
        guarded = verifying.is_guarded()
    sound = not lost and all(one.problem is None for one in found)
    show({"sound": sound, "guarded": guarded, "accounts": [one.to_json() for one in found]},
           options)  # fmt: skip
    for one in found:
        if one.problem:
            complain(f"Account {one.account}: {one.problem.words}")
    if lost:
        complain(f"No seal of account {options.account} has this hash: {options.known_head}")
    if not guarded:
        complain("The triggers that refuse changes are missing from the database.")
    return 0 if sound else 1


def verify_books(options: argparse.Namespace) -> int:
    from app.core import books

    with application():
        kept = [book for book in books.all_books() if options.book in (None, book.name)]
        if not kept:
            raise Complaint(f"There are {in_a_row([one.name for one in books.all_books()])}.")
        found, known = [], False
        for book in kept:
            for account_id in _whose(book.accounts(), options.account):
                found.append(book.verify(account_id))
                head = options.known_head
                known = known or bool(head and book.holds(account_id, head))
        bare = [book.words for book in kept if not book.is_guarded()]
    sound = all(not one.problem for one in found) and (known or not options.known_head)
    show({"sound": sound, "guarded": not bare, "books": [one.to_json() for one in found]},
           options)  # fmt: skip
    for one in found:
        if one.problem:
            whose = f"account {one.account}" if one.account else "the installation"
            complain(f"{one.book} of {whose}: {one.problem}")
    if options.known_head and not known:
        complain(f"No chain that was verified has this hash: {options.known_head}")
    for words in bare:
        complain(f"The triggers that refuse changes to {words} are missing from the database.")
    return 0 if sound else 1


def _whose(there: Sequence[int | None], wanted: int | None) -> Sequence[int | None]:
    return there if wanted is None else [one for one in there if one == wanted]


def rotate_keys(options: argparse.Namespace) -> None:
    from app.core import resealing, sealing

    with application(), complaining(OSError):
        sealing.rotate()
        if options.wait:
            resealing.run()
            resealing.run_files()
        found = _keys()
    show(found, options)


def show_keys(options: argparse.Namespace) -> int:
    from app.core import resealing

    with application():
        found = _keys()
        lost = resealing.unreadable()
    show({**found, "unreadable": lost}, options)
    for name in lost:
        complain(f"Nobody can read what is in {name} any more: enter it again.")
    return 1 if lost else 0


def _keys() -> dict[str, Any]:
    from app.core import resealing, sealing

    keys = sealing.ring()
    return {
        "current": keys.current,
        "since": keys.since.isoformat() if keys.since else None,
        "keys": sorted(keys.boxes),
        "sealed": [one.to_json() for one in resealing.progress()],
    }
