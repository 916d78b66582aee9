"""Joining an account by invitation."""

from __future__ import annotations

from app.accounts import opening, people
from app.accounts.models import Account, Member
from app.privacy import consenting
from app.privacy.models import PolicyVersion


def invited_member(secret: str) -> Member | None:
    """The person whom the invitation names, if they can sign in already."""
    member = opening.find_member(people.find_invitation(secret).email)
    return member if member and member.password_hash else None


def join_as_new(
    secret: str, version: PolicyVersion, *, name: str, network: str = ""
) -> tuple[Account, Member]:
    """Join with the address of the invitation: whoever has its link has its mailbox."""
    member = opening.member_of(people.find_invitation(secret).email, name=name)
    member.name = member.name or name
    account = people.accept(secret, member)
    consenting.accept(member, account, version, network=network)
    return account, member
