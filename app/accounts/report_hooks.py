"""Addresses at which a mail provider reports bounces and complaints: made, proven, removed."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit

import sqlalchemy as sa

from app.accounts import auditing
from app.accounts.models import Account, Member, ReportHook
from app.core import sealing, settings, tokens
from app.core.db import db
from app.core.errors import Invalid, NotFound
from app.core.tokens import BadToken, Purpose
from app.mailer.providers import NAMES, postmark, sendgrid, ses

AT_MOST = 10


def make(account: Account | None, by: Member | None, *, provider: str, key: str = "") -> ReportHook:
    """A new address. Without an account: for the operator's own relay. Raises Invalid."""
    if provider not in NAMES:
        raise Invalid(f"Choose from {', '.join(NAMES)}.", {"provider": ["Choose your provider."]})
    if len(of_account(account)) >= AT_MOST:
        raise Invalid(f"{AT_MOST} addresses for reports are enough. Remove one first.")
    hook = ReportHook(account_id=account.id if account else None, provider=provider)
    if provider == "postmark":
        hook.sealed_key = sealing.seal(tokens.secret())
    db.session.add(hook)
    db.session.flush()
    auditing.note(account, by, "report_hook.add", f"{provider} {hook.id}")
    if key:
        set_key(account, by, hook, key)
    return hook


def set_key(account: Account | None, by: Member | None, hook: ReportHook, key: str) -> None:
    """What the provider's reports are proven with. Raises Invalid for what cannot be it."""
    key = key.strip()
    words = _what_is_wrong(hook.provider, key)
    if words:
        raise Invalid(words, {"key": [words]})
    hook.sealed_key = sealing.seal(key)
    hook.refusal = ""
    hook.confirmed_at, hook.problem = None, ""
    auditing.note(account, by, "report_hook.key", f"{hook.provider} {hook.id}")


def _what_is_wrong(provider: str, key: str) -> str:
    if provider == "postmark":
        return "Postmark needs no key: what proves its reports stands in the address."
    if provider == "ses" and not ses.TOPIC.fullmatch(key):
        return "Copy the topic's ARN: it looks like arn:aws:sns:eu-west-1:123456789012:bounces."
    if provider == "sendgrid":
        try:
            sendgrid.public_key(key)
        except sendgrid.BadKey:
            return "That is not SendGrid's verification key. Copy all of it; it begins with MFk."
    if provider == "mailgun" and not (8 <= len(key) <= 200 and key.isascii() and key.isprintable()):
        return "That is not Mailgun's HTTP webhook signing key. Copy it again."
    return ""


def remove(account: Account | None, by: Member | None, hook: ReportHook) -> None:
    """Take no reports there any more; those that wait are dropped."""
    db.session.delete(hook)
    auditing.note(account, by, "report_hook.remove", f"{hook.provider} {hook.id}")


def find(account: Account | None, hook_id: int) -> ReportHook:
    """One of the account's. Raises NotFound."""
    hook = db.session.scalar(sa.select(ReportHook).where(ReportHook.id == hook_id, _is_of(account)))
    if hook is None:
        raise NotFound("That address for reports")
    return hook


def by_token(token: str) -> ReportHook:
    """The one behind an address. Raises NotFound, also for what was removed."""
    try:
        numbers = tokens.read(Purpose.HOOK, token)
    except BadToken:
        numbers = ()
    hook = db.session.get(ReportHook, numbers[0]) if len(numbers) == 1 else None
    if hook is None:
        raise NotFound("This address for reports")
    return hook


def of_account(account: Account | None) -> Sequence[ReportHook]:
    """All of them; the operator's where no account is given."""
    return db.session.scalars(
        sa.select(ReportHook).where(_is_of(account)).order_by(ReportHook.id)
    ).all()


def providers_for(account_id: int) -> set[str]:
    """Whose reports this account's mails may come back in: its own, and the operator's."""
    own_or_operators = sa.or_(ReportHook.account_id == account_id, ReportHook.account_id.is_(None))
    return set(db.session.scalars(sa.select(ReportHook.provider).where(own_or_operators)))


def key_of(hook: ReportHook) -> str:
    """What proves its reports; empty where that was not entered yet. Raises Unreadable."""
    return sealing.unseal(hook.sealed_key) if hook.sealed_key else ""


def url(hook: ReportHook) -> str:
    """The address to give to the provider, which for Postmark holds a password."""
    base = urlsplit(settings.get().BASE_URL)
    netloc = base.netloc
    if hook.provider == "postmark":
        netloc = f"{postmark.USERNAME}:{key_of(hook)}@{netloc}"
    path = f"{base.path}/hooks/{tokens.sign(Purpose.HOOK, hook.id)}"
    return urlunsplit((base.scheme, netloc, path, "", ""))


def _is_of(account: Account | None) -> sa.ColumnElement[bool]:
    if account is None:
        return ReportHook.account_id.is_(None)
    return ReportHook.account_id == account.id
