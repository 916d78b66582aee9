"""Commands about mails that came back and what providers report."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from app.commands.base import add, application, complain, group, show


def declare(commands: Any) -> None:
    """Add them to a parser."""
    bounce = group(commands, "bounce", "mails that came back")
    classify = add(bounce, "classify", classify_bounces, "say what each mail in a file means")
    classify.add_argument("files", nargs="+", metavar="FILE")

    webhook = group(commands, "webhook", "reports of the mail provider behind SMTP_URL")
    create = add(webhook, "create", create_webhook, "make the address that the provider reports to")
    create.add_argument("--provider", required=True, help="ses, postmark, sendgrid or mailgun")
    create.add_argument("--key", default="", help="what proves its reports; - reads it from input")
    change = add(webhook, "key", set_webhook_key, "enter what proves the provider's reports")
    change.add_argument("--webhook", type=int, required=True, help="its id")
    change.add_argument("--key", required=True, help="- reads it from input")
    add(webhook, "list", list_webhooks, "show addresses, and what came there")
    remove = add(webhook, "remove", remove_webhook, "take no more reports at an address")
    remove.add_argument("--webhook", type=int, required=True, help="its id")


def classify_bounces(options: argparse.Namespace) -> int:
    from app.mailer import dsn

    failed = 0
    for name in options.files:
        try:
            raw = Path(name).read_bytes()
        except OSError as error:
            failed = complain(f"{name}: {error.strerror}")
            continue
        line = json.dumps({"file": name, "recipients": dsn.classify_bytes(raw)})
        sys.stdout.write(line + "\n")
    return failed


def create_webhook(options: argparse.Namespace) -> None:
    from app.accounts import report_hooks
    from app.core.db import transaction

    with application():
        with transaction():
            key = _given(options.key)
            hook = report_hooks.make(None, None, provider=options.provider, key=key)
        found = {"webhook": hook.id, "url": report_hooks.url(hook)}
    show(found, options)


def set_webhook_key(options: argparse.Namespace) -> None:
    from app.accounts import report_hooks
    from app.core.db import transaction

    with application(), transaction():
        hook = report_hooks.find(None, options.webhook)
        report_hooks.set_key(None, None, hook, _given(options.key))
    show({"webhook": options.webhook}, options)


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

    with application():
        found = [shown(hook) for hook in report_hooks.of_account(None)]
    show(found, options)


def remove_webhook(options: argparse.Namespace) -> None:
    from app.accounts import report_hooks
    from app.core.db import transaction

    with application(), transaction():
        report_hooks.remove(None, None, report_hooks.find(None, options.webhook))
    show({"webhook": options.webhook}, options)


def _given(value: str) -> str:
    """A secret from the command line, or better from standard input, which nobody else sees."""
    return sys.stdin.readline() if value == "-" else value
