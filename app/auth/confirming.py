"""Proving once more who one is, before something that a thief of the browser would do first."""

from __future__ import annotations

from dataclasses import dataclass

from app.accounts.models import Member
from app.auth import passkeys, passwords, provider_logins, second_factors
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


def check(member: Member, *, password: str, code: str) -> bool:
    """The password or a code, whichever was typed; True for a code. Raises Invalid."""
    if code:
        second_factors.check(member, code)
        return True
    if not passwords.matches(member, password):
        words = "That is not your password. Try again, or set a new one by mail."
        raise Invalid(words, {"password": [words]})
    return False
