"""`leadersend …`: the commands of docs/self-hosting.md.

Data goes to standard output as JSON, on one line with --json; words for people to standard
error. Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.config import CHECKOUT, BadSetting, load


class Complaint(Exception):
    """Why a command cannot do what was asked."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The console script. 0 when all went well, 1 with the reason, 2 for a wrong call."""
    options = parser().parse_args(arguments)
    # Whatever is written holds addresses: nobody else on this machine may read it.
    os.umask(0o077)
    action: Callable[[argparse.Namespace], int | None] = options.action
    try:
        return action(options) or 0
    except (Complaint, BadSetting) as error:
        return _complain(str(error))
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    """Every command; a test compares them with the documentation."""
    top = argparse.ArgumentParser(prog="leadersend", description="E-mail marketing that adds up.")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add(commands, "up", run_up, "run everything on this machine; Ctrl-C stops it")
    _add(commands, "web", run_web, "run the web server alone")
    _add(commands, "worker", run_worker, "run workers and timed work alone")

    _declare_accounts(commands)
    _declare_mail(commands)
    _declare_records(commands)
    _declare_people(commands)
    _declare_backups(commands)
    _add(commands, "doctor", examine, "check this installation and print its settings")
    return top


def _declare_accounts(commands: Any) -> None:
    account = _group(commands, "account", "customer accounts")
    create = _add(account, "create", create_account, "make an account and its owner")
    create.add_argument("--business", required=True, help="name of the business")
    create.add_argument("--email", required=True, help="address of its owner, who signs in")
    create.add_argument("--address", default="", help="postal address, at the end of every mail")
    create.add_argument("--sender", help="a From address that counts as confirmed")

    export = _add(account, "export", export_account, "write everything of an account to a ZIP")
    export.add_argument("--account", type=int, required=True, help="id of the account")
    export.add_argument("file", type=Path, metavar="FILE")

    take_in = _add(account, "import", import_account, "take such a ZIP into an account")
    take_in.add_argument("--account", type=int, help="id of the account; default: a new one")
    take_in.add_argument("file", type=Path, metavar="FILE")

    token = _group(commands, "token", "tokens for the HTTP API")
    create = _add(token, "create", create_token, "make a token; it is shown once")
    create.add_argument("--account", type=int, required=True, help="id of the account")
    create.add_argument("--scope", nargs="+", action="extend", default=[], help="default: all")
    create.add_argument("--days", type=int, help="until it ends; default: never")
    create.add_argument("--network", default="", help="from where alone it may be used")


def _declare_mail(commands: Any) -> None:
    bounce = _group(commands, "bounce", "mails that came back")
    classify = _add(bounce, "classify", classify_bounces, "say what each mail in a file means")
    classify.add_argument("files", nargs="+", metavar="FILE")

    webhook = _group(commands, "webhook", "reports of the mail provider behind SMTP_URL")
    create = _add(
        webhook, "create", create_webhook, "make the address that the provider reports to"
    )
    create.add_argument("--provider", required=True, help="ses, postmark, sendgrid or mailgun")
    create.add_argument("--key", default="", help="what proves its reports; - reads it from input")
    change = _add(webhook, "key", set_webhook_key, "enter what proves the provider's reports")
    change.add_argument("--webhook", type=int, required=True, help="its id")
    change.add_argument("--key", required=True, help="- reads it from input")
    _add(webhook, "list", list_webhooks, "show addresses, and what came there")
    remove = _add(webhook, "remove", remove_webhook, "take no more reports at an address")
    remove.add_argument("--webhook", type=int, required=True, help="its id")


def _declare_records(commands: Any) -> None:
    consent = _group(commands, "consent", "the record of what people agreed to")
    verify = _add(
        consent,
        "verify",
        verify_consents,
        "check that nothing in it was altered since it was sealed",
    )
    verify.add_argument("--account", type=int, help="id of one account; default: all")
    verify.add_argument("--known-head", help="a hash noted earlier that must still be in the chain")

    audit = _group(commands, "audit", "records that are only added to")
    verify = _add(
        audit, "verify", verify_books, "check that nothing in any of them was altered or removed"
    )
    verify.add_argument("--account", type=int, help="id of one account; default: all")
    verify.add_argument("--book", help="name of one record; default: all")
    verify.add_argument("--known-head", help="a hash noted earlier that must still be in a chain")

    keys = _group(commands, "keys", "keys that seal stored passwords")
    rotate = _add(keys, "rotate", rotate_keys, "make a new key, and bring everything over to it")
    rotate.add_argument("--wait", action="store_true", help="until everything is brought over")
    _add(keys, "status", show_keys, "show what is sealed with which key")


def _declare_people(commands: Any) -> None:
    staff = _group(commands, "staff", "the operator's people")
    create = _add(staff, "create", create_staff, "make an operator login")
    create.add_argument("--email", required=True)
    create.add_argument("--role", nargs="+", action="extend", required=True, help="purposes")

    sign_in = _group(commands, "sign-in", "people who cannot sign in any more")
    reset = _add(sign_in, "reset", reset_sign_in, "remove second factors, end all sessions")
    reset.add_argument("--email", required=True, help="whose")

    house = _group(commands, "house", "the operator's own account, for mailings to customers")
    create = _add(house, "create", create_house, "make it; customers who agreed come in")
    create.add_argument("--name", required=True, help="what mailings come from")
    create.add_argument("--address", required=True, help="postal address, at the end of every mail")
    create.add_argument("--sender", default="", help="a From address that counts as confirmed")


def _declare_backups(commands: Any) -> None:
    backup = _add(commands, "backup", make_backup, "write everything into one file")
    backup.add_argument("file", type=Path, metavar="FILE")
    backup.add_argument("--encrypt", action="store_true", help="with the installation's key")
    backups = _group(commands, "backups", "those that are made by themselves")
    _add(backups, "list", list_backups, "show them, and what their rehearsals found")
    _add(backups, "now", back_up_now, "make one now, and rehearse it")
    fetch = _add(backups, "fetch", fetch_backup, "bring one here, from a bucket as well")
    fetch.add_argument("name", metavar="NAME")
    fetch.add_argument("file", type=Path, metavar="FILE")
    restore = _add(
        commands, "restore", restore_backup, "bring a backup back; campaigns stand paused"
    )
    restore.add_argument("file", type=Path, metavar="FILE", nargs="?")
    restore.add_argument(
        "--account", type=int, metavar="ID", help="only this account, into the running installation"
    )
    restore.add_argument("--replace", action="store_true", help="overwrite the data that is here")
    restore.add_argument("--key", type=Path, help="file with the key that opens the backup")
    restore.add_argument(
        "--confirm",
        action="store_true",
        help="after a restore: whoever left since the backup is known, campaigns may be sent",
    )


def _group(commands: Any, name: str, about: str) -> Any:
    group = commands.add_parser(name, help=about, description=about)
    return group.add_subparsers(title="commands", required=True, metavar="COMMAND")


def _add(
    commands: Any, name: str, action: Callable[..., int | None], about: str
) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about)
    command.add_argument("--json", action="store_true", help="print data on one line")
    command.set_defaults(action=action)
    return command


def run_up(options: argparse.Namespace) -> None:
    from app.ops import queueing, supervisor

    try:
        supervisor.up()
    except (supervisor.CannotStart, queueing.NoQueueServer) as error:
        raise Complaint(str(error)) from None


def run_web(options: argparse.Namespace) -> None:
    from app.ops import parts

    _become(parts.web_command(load()))


def run_worker(options: argparse.Namespace) -> None:
    from app.ops import parts

    _become(parts.worker_command())


def _become(command: list[str]) -> None:
    """Run it in our place, so that signals reach it."""
    from app.ops import parts

    os.chdir(CHECKOUT)
    os.execve(command[0], command, parts.environment(load(), {}))  # noqa: S606


def create_account(options: argparse.Namespace) -> None:
    from app.accounts import auditing, opening
    from app.auth import passwords
    from app.core.db import transaction

    _demand_address("--email", options.email)
    if options.sender is not None:
        _demand_address("--sender", options.sender)
    with _application(), transaction():
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
    _print(found, options)


def export_account(options: argparse.Namespace) -> None:
    from app.moving import by_hand
    from app.staff import book

    with _application(), _complaining(OSError):
        account = _account(options.account)
        book.note_command(account, "fetch", "takeout", "account export")
        rows, size = by_hand.export(account, options.file)
    _print({"file": str(options.file), "rows": rows, "bytes": size}, options)


def import_account(options: argparse.Namespace) -> int:
    from app.auth import passwords
    from app.core.db import transaction
    from app.moving import by_hand

    with _application(), _complaining(OSError):
        found: dict[str, Any] = {}
        if options.account is None:
            with transaction():
                account, owner = by_hand.open_for(options.file)
                found["set_password_url"] = passwords.url(passwords.issue(owner))
        else:
            account = _account(options.account)
        takein = by_hand.take_in(account, options.file)
        found |= {"account": account.id, "state": takein.state, "counts": takein.counts}
        found["problems"] = takein.problems
    _print(found, options)
    return 0 if takein.state == "finished" else _complain(takein.error)


def _account_or_none(account_id: int) -> Any:
    from app.accounts.models import Account
    from app.core.db import db

    return db.session.get(Account, account_id)


def _account(account_id: int) -> Any:
    account = _account_or_none(account_id)
    if account is None:
        raise Complaint(f"There is no account {account_id}.")
    return account


def create_token(options: argparse.Namespace) -> None:
    from app.accounts import api_tokens
    from app.core.db import transaction

    with _application(), transaction():
        account = _account(options.account)
        scopes = options.scope or list(api_tokens.ALL_SCOPES)
        _, secret = api_tokens.make(
            account, None, name="made by the operator", scopes=scopes, days=options.days,
            networks=options.network,
        )  # fmt: skip
    _print({"token": secret}, options)


def classify_bounces(options: argparse.Namespace) -> int:
    from app.mailer import dsn

    failed = 0
    for name in options.files:
        try:
            raw = Path(name).read_bytes()
        except OSError as error:
            failed = _complain(f"{name}: {error.strerror}")
            continue
        line = json.dumps({"file": name, "recipients": dsn.classify_bytes(raw)})
        sys.stdout.write(line + "\n")
    return failed


def create_webhook(options: argparse.Namespace) -> None:
    from app.accounts import report_hooks
    from app.core.db import transaction

    with _application():
        with transaction():
            key = _given(options.key)
            hook = report_hooks.make(None, None, provider=options.provider, key=key)
        found = {"webhook": hook.id, "url": report_hooks.url(hook)}
    _print(found, options)


def set_webhook_key(options: argparse.Namespace) -> None:
    from app.accounts import report_hooks
    from app.core.db import transaction

    with _application(), transaction():
        hook = report_hooks.find(None, options.webhook)
        report_hooks.set_key(None, None, hook, _given(options.key))
    _print({"webhook": options.webhook}, options)


def list_webhooks(options: argparse.Namespace) -> None:
    from app.accounts import report_hooks

    def shown(hook: Any) -> dict[str, Any]:
        numbers = {name: getattr(hook, name) for name in ("taken", "others", "refused")}
        last = hook.last_at.isoformat() if hook.last_at else None
        return {
            "webhook": hook.id, "provider": hook.provider, "url": report_hooks.url(hook),
            "has_key": bool(hook.sealed_key), "last": last, **numbers, "refusal": hook.refusal,
            "problem": hook.problem,
        }  # fmt: skip

    with _application():
        found = [shown(hook) for hook in report_hooks.of_account(None)]
    _print(found, options)


def remove_webhook(options: argparse.Namespace) -> None:
    from app.accounts import report_hooks
    from app.core.db import transaction

    with _application(), transaction():
        report_hooks.remove(None, None, report_hooks.find(None, options.webhook))
    _print({"webhook": options.webhook}, options)


def _given(value: str) -> str:
    """A secret from the command line, or better from standard input, which nobody else sees."""
    return sys.stdin.readline() if value == "-" else value


def verify_consents(options: argparse.Namespace) -> int:
    from app.contacts import verifying

    if options.known_head and options.account is None:
        raise Complaint("--known-head belongs to one account: name it with --account.")
    with _application():
        known = verifying.accounts()
        if options.account is not None and options.account not in known:
            raise Complaint(f"There is no account {options.account}.")
        chosen = known if options.account is None else [options.account]
        found = [verifying.verify(account_id) for account_id in chosen]
        lost = options.known_head and not verifying.holds(options.account, options.known_head)
        guarded = verifying.is_guarded()
    sound = not lost and all(one.problem is None for one in found)
    _print({"sound": sound, "guarded": guarded, "accounts": [one.to_json() for one in found]},
           options)  # fmt: skip
    for one in found:
        if one.problem:
            _complain(f"Account {one.account}: {one.problem.words}")
    if lost:
        _complain(f"No seal of account {options.account} has this hash: {options.known_head}")
    if not guarded:
        _complain("The triggers that refuse changes are missing from the database.")
    return 0 if sound else 1


def verify_books(options: argparse.Namespace) -> int:
    from app.core import books

    with _application():
        kept = [book for book in books.all_books() if options.book in (None, book.name)]
        if not kept:
            raise Complaint(f"There are {_words([one.name for one in books.all_books()])}.")
        found, known = [], False
        for book in kept:
            for account_id in _whose(book.accounts(), options.account):
                found.append(book.verify(account_id))
                head = options.known_head
                known = known or bool(head and book.holds(account_id, head))
        bare = [book.words for book in kept if not book.is_guarded()]
    sound = all(not one.problem for one in found) and (known or not options.known_head)
    _print({"sound": sound, "guarded": not bare, "books": [one.to_json() for one in found]},
           options)  # fmt: skip
    for one in found:
        if one.problem:
            whose = f"account {one.account}" if one.account else "the installation"
            _complain(f"{one.book} of {whose}: {one.problem}")
    if options.known_head and not known:
        _complain(f"No chain that was verified has this hash: {options.known_head}")
    for words in bare:
        _complain(f"The triggers that refuse changes to {words} are missing from the database.")
    return 0 if sound else 1


def _whose(there: Sequence[int | None], wanted: int | None) -> Sequence[int | None]:
    return there if wanted is None else [one for one in there if one == wanted]


def rotate_keys(options: argparse.Namespace) -> None:
    from app.core import resealing, sealing

    with _application(), _complaining(OSError):
        sealing.rotate()
        if options.wait:
            resealing.run()
            resealing.run_files()
        found = _keys()
    _print(found, options)


def show_keys(options: argparse.Namespace) -> int:
    from app.core import resealing

    with _application():
        found = _keys()
        lost = resealing.unreadable()
    _print({**found, "unreadable": lost}, options)
    for name in lost:
        _complain(f"Nobody can read what is in {name} any more: enter it again.")
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


def create_staff(options: argparse.Namespace) -> None:
    from app.accounts import auditing, opening
    from app.auth import passwords
    from app.core.db import transaction
    from app.ops.preparing import STAFF_ROLES

    if unknown := set(options.role) - set(STAFF_ROLES):
        wrong = ", ".join(sorted(unknown))
        raise Complaint(f"No such role: {wrong}. There are {_words(STAFF_ROLES)}.")
    _demand_address("--email", options.email)
    with _application(), transaction():
        member = opening.member_of(options.email)
        member.staff_roles = sorted({*member.staff_roles, *options.role})
        auditing.note(None, member, "staff.create", ", ".join(member.staff_roles))
        url = passwords.url(passwords.issue(member))
        found = {"member": member.id, "roles": member.staff_roles, "set_password_url": url}
    _print(found, options)


def reset_sign_in(options: argparse.Namespace) -> None:
    from app.auth import passwords, second_factors, sessions, signing_in
    from app.core.db import transaction

    with _application(), transaction():
        member = signing_in.find(options.email)
        if member is None:
            raise Complaint(f"Nobody here has the address {options.email}.")
        second_factors.reset(member)
        ended = sessions.end_all(member)
        url = passwords.url(passwords.issue(member))
        found = {"member": member.id, "sessions_ended": ended, "set_password_url": url}
    _print(found, options)


def create_house(options: argparse.Namespace) -> None:
    from app.core.db import transaction
    from app.core.errors import DomainError
    from app.staff import house

    if options.sender:
        _demand_address("--sender", options.sender)
    with _application(), _complaining(DomainError), transaction():
        account = house.make(name=options.name, address=options.address, sender=options.sender)
        found = {"account": account.id}
    _print(found, options)


def make_backup(options: argparse.Namespace) -> None:
    from app.ops import backup

    with _complaining(backup.Trouble):
        size = backup.write(load(), options.file, encrypt=options.encrypt)
    _print({"file": str(options.file), "bytes": size}, options)


def list_backups(options: argparse.Namespace) -> None:
    from app.staff import backups

    with _application():
        found = [
            {
                "ended_at": run.ended_at.isoformat() if run.ended_at else None,
                "state": run.state, "name": run.name, "bytes": run.size_bytes,
                "rehearsal": run.rehearsal, "error": run.error,
            }
            for run in backups.latest()
        ]  # fmt: skip
    _print({"backups": found}, options)


def back_up_now(options: argparse.Namespace) -> int:
    from app.core.db import db, transaction
    from app.ops.backup import running
    from app.staff import backups

    config = load()
    if not config.BACKUP_TO:
        raise Complaint("Set BACKUP_TO first: a folder, or s3://bucket/folder?endpoint=https://…")
    with _application():
        with transaction():
            run_id = backups.want("the command line").id
        while (run := backups.one(run_id)).state in ("wanted", "running") and not run.error:
            # Somebody else may be making it, or another one before it.
            if not running.run_due(config):
                db.session.rollback()
                time.sleep(1)
        found = {
            "name": run.name, "state": run.state, "bytes": run.size_bytes, "error": run.error,
            "rehearsal": run.rehearsal, **run.findings,
        }  # fmt: skip
    _print(found, options)
    return 0 if run.state == "done" and run.rehearsal != "bad" else 1


def fetch_backup(options: argparse.Namespace) -> None:
    from app.ops.backup import Trouble, places

    with _complaining(Trouble):
        place = places.place_of(load())
        if place is None:
            raise Trouble("BACKUP_TO is not set.")
        size = places.fetch(place, options.name, options.file)
    _print({"file": str(options.file), "bytes": size}, options)


def restore_backup(options: argparse.Namespace) -> int:
    from app.ops import backup

    if options.confirm == (options.file is not None):
        raise Complaint("Name the file to restore, or --confirm after a restore.")
    if options.account is not None:
        return _restore_account(options)
    with _complaining(backup.Trouble):
        if options.confirm:
            _print({"confirmed": backup.confirm(load(), "the command line")}, options)
            return 0
        done = backup.restore(load(), options.file, overwrite=options.replace, key=options.key)
    found: dict[str, Any] = {"file": str(options.file), "waiting_campaigns": done.waiting}
    if done.carried is not None:
        found["carried_over"] = asdict(done.carried)
    else:
        sys.stderr.write(
            f"Who left since {done.made_at:%d %B %Y, %H:%M} UTC is not known, so nothing is sent "
            "until you run: leadersend restore --confirm\n"
        )
    _print(found, options)
    return 0


def _restore_account(options: argparse.Namespace) -> int:
    """What is there already is not overwritten: it is taken in as from another installation."""
    from app.core.db import transaction
    from app.moving import by_hand
    from app.ops.backup import Trouble, single

    if options.file is None:
        raise Complaint("Name the backup that the account is in.")
    with (
        _complaining(Trouble, OSError),
        single.taken_out(load(), options.file, options.account, options.key) as file,
        _application(),
    ):
        account = _account_or_none(options.account)
        if account is None:
            with transaction():
                account, _ = by_hand.open_for(file)
        takein = by_hand.take_in(account, file)
        found = {"account": account.id, "state": takein.state, "counts": takein.counts,
                 "problems": takein.problems}  # fmt: skip
    _print(found, options)
    return 0 if takein.state == "finished" else _complain(takein.error)


def examine(options: argparse.Namespace) -> int:
    from app.ops import doctor

    found = doctor.examine()
    if options.json:
        _print(found.as_dict(), options)
    else:
        sys.stdout.write(found.as_text())
    return 0 if found.is_well else 1


def _demand_address(option: str, text: str) -> None:
    from app.mailer.address import BadAddress, parse

    try:
        parse(text)
    except BadAddress as error:
        raise Complaint(f"{option} {text}: {error}") from None


@contextmanager
def _application() -> Iterator[None]:
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
def _complaining(*kinds: type[Exception]) -> Iterator[None]:
    try:
        yield
    except kinds as error:
        raise Complaint(str(error)) from None


def _print(found: object, options: argparse.Namespace) -> None:
    indent = None if options.json else 2
    sys.stdout.write(json.dumps(found, indent=indent, ensure_ascii=False) + "\n")


def _complain(message: str) -> int:
    sys.stderr.write(f"leadersend: {message}\n")
    return 1


def _words(names: Sequence[str]) -> str:
    return ", ".join(names)


if __name__ == "__main__":
    sys.exit(main())
