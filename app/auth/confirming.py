"""Proving once more who one is, before something that a thief of the browser would do first."""

from __future__ import annotations

from dataclasses import dataclass

from app.accounts.models import Member
from app.auth import passkeys, passwords, provider_logins, second_factors, sessions
from app.auth.models import SignedIn
from app.core import settings
from app.core.errors import Invalid


@dataclass(frozen=True)
class Ways:
    """By which of them this person can."""

    password: bool
    code: bool
    passkey: bool
    provider: str
    """The name of the sign-in provider, where it is linked."""


def ways(member: Member) -> Ways:
    """What the person has."""
    return Ways(
        password=passwords.has_password(member),
        code=second_factors.has_app(member),
        passkey=passkeys.are_possible() and second_factors.has_passkey(member),
        provider=settings.get().OIDC_NAME if provider_logins.of(member) else "",
    )


def confirm(session: SignedIn, *, password: str, code: str) -> None:
    """By the password or a code, whichever was typed. Raises Invalid."""
    member = session.member
    if code:
        second_factors.check(member, code)
        sessions.confirm(session, strongly=True)
        return
    if not passwords.matches(member, password):
        words = "That is not your password. Try again, or set a new one by mail."
        raise Invalid(words, {"password": [words]})
    sessions.confirm(session)
