"""Who works in an account: invited by link, with a role, never without an owner."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from app.accounts import auditing, notices, queries, rights, withdrawing
from app.accounts.models import Account, Invitation, Member, Membership
from app.core import settings, tokens
from app.core.clock import now
from app.core.db import db
from app.core.errors import DomainError, Forbidden, Invalid, NotFound, WrongState
from app.core.owning import owned
from app.mailer import address as addresses
from app.plans import allowance

LASTS = timedelta(days=7)
OPEN_AT_MOST = 50


class DeadInvitation(DomainError):
    """Accepted, taken back, expired or never made."""

    status = 410

    def __init__(self) -> None:
        super().__init__("This invitation has been used, taken back or is too old. Ask for a new.")


class LastOwner(WrongState):
    """An account without an owner could not be managed by anybody."""

    def __init__(self) -> None:
        super().__init__("An account needs an owner. Make somebody else an owner first.")


def invite(
    account: Account, by: Member, *, email: str, role: str, chosen: Sequence[str] | None = None
) -> Invitation:
    """Mail somebody a link to join; a second invitation replaces the first.

    With `chosen` they get other rights than those of the role. Raises Forbidden to who would give
    or take back more than they have.
    """
    _check_role(role)
    own = _own_rights(role, chosen)
    _demand_may_give(account, by, _given(role, own))
    try:
        address = addresses.parse(email).address
    except addresses.BadAddress as error:
        raise Invalid(str(error), {"email": [str(error)]}) from None
    if _is_here(account, address):
        raise Invalid("They are here already.", {"email": ["They are here already."]})
    allowance.hold(account)
    for before in open_invitations(account, to=address):
        _demand_may_give(account, by, rights.of(before))
        db.session.delete(before)
    db.session.flush()
    invited = open_invitations(account)
    living = sum(one.expires_at > now() for one in invited)
    allowance.demand_room(account, "people", len(members(account)) + living)
    if len(invited) >= OPEN_AT_MOST:
        raise Invalid(f"{OPEN_AT_MOST} invitations are open. Take one back first.")
    secret = tokens.secret()
    invitation = Invitation(
        account_id=account.id,
        email=address,
        role=role,
        rights=own,
        token_hash=tokens.hashed(secret),
        invited_by_id=by.id,
        expires_at=now() + LASTS,
    )
    db.session.add(invitation)
    db.session.flush()
    url = f"{settings.get().BASE_URL}/join/{secret}"
    inviter = by.name or by.email
    notices.queue("invitation", address, account=account, inviter=inviter, role=role, url=url)
    about = f"invitation {invitation.id} as {role}{_in_words(own)}"
    auditing.note(account, by, "person.invite", about)
    return invitation


def invite_again(account: Account, by: Member, invitation_id: int) -> Invitation:
    """Mail the invitation once more, with a new link and anew seven days; the old link dies."""
    found = owned(Invitation, account.id, invitation_id, "That invitation")
    if found.accepted_at:
        raise NotFound("That invitation")
    again = invite(account, by, email=found.email, role=found.role, chosen=found.rights)
    auditing.note(account, by, "person.invite_again", f"invitation {again.id}")
    return again


def take_back(account: Account, by: Member, invitation_id: int) -> None:
    """Let an invitation's link die. Raises Forbidden where it offers more than they have."""
    found = owned(Invitation, account.id, invitation_id, "That invitation")
    _demand_may_give(account, by, rights.of(found))
    gone = db.session.execute(
        sa.delete(Invitation)
        .where(Invitation.id == found.id, Invitation.accepted_at.is_(None))
        .returning(Invitation.id)
    ).scalar()
    if gone is None:
        raise NotFound("That invitation")
    auditing.note(account, by, "person.uninvite", f"invitation {invitation_id}")


def find_invitation(secret: str) -> Invitation:
    """A living invitation. Raises DeadInvitation."""
    found = db.session.scalar(
        sa.select(Invitation).where(Invitation.token_hash == tokens.hashed(secret))
    )
    if found is None or found.accepted_at or found.expires_at <= now():
        raise DeadInvitation
    if not withdrawing.is_backed(found):
        raise DeadInvitation
    return found


def accept(secret: str, member: Member) -> Account:
    """Join, once. Whoever holds the link was invited, whichever address they sign in with."""
    account = db.session.get_one(Account, find_invitation(secret).account_id)
    # Held, so that whoever invited cannot be removed at the same moment.
    allowance.hold(account)
    invitation = find_invitation(secret)
    used = db.session.execute(
        sa.update(Invitation)
        .where(Invitation.id == invitation.id, Invitation.accepted_at.is_(None))
        .values(accepted_at=now())
        .returning(Invitation.id)
    )
    if used.scalar() is None:
        raise DeadInvitation
    if not queries.membership(account, member):
        row = Membership(
            account_id=account.id, member_id=member.id,
            role=invitation.role, rights=invitation.rights,
        )  # fmt: skip
        db.session.add(row)
        db.session.flush()
        about = f"member {member.id} as {row.role}{_in_words(row.rights)}"
        auditing.note(account, member, "person.join", about)
    return account


def change_role(
    account: Account,
    by: Member,
    membership_id: int,
    *,
    role: str,
    chosen: Sequence[str] | None = None,
) -> withdrawing.Withdrawn:
    """Another role, or with `chosen` other rights than those of the role. What they handed out
    and may not hand out any more ends.

    Raises LastOwner rather than leave the account without one, and Forbidden to who would give
    or take more than they have.
    """
    _check_role(role)
    membership = _locked(account, membership_id)
    own = _own_rights(role, chosen)
    if role != "owner":
        _demand_another_owner(account, membership)
    _demand_may_give(account, by, _given(role, own) | rights.of(membership))
    membership.role, membership.rights = role, own
    about = f"member {membership.member_id} is {role}{_in_words(own)}"
    auditing.note(account, by, "person.role", about)
    return withdrawing.withdraw(account, by, membership.member_id)


def remove(account: Account, by: Member, membership_id: int) -> withdrawing.Withdrawn:
    """End somebody's access at once, and what they handed out: invitations and API tokens.

    Raises LastOwner.
    """
    membership = _locked(account, membership_id)
    _demand_another_owner(account, membership)
    if membership.member_id != by.id:
        _demand_may_give(account, by, rights.of(membership))
    member_id = membership.member_id
    db.session.delete(membership)
    auditing.note(account, by, "person.remove", f"member {member_id}")
    return withdrawing.withdraw(account, by, member_id)


def members(account: Account) -> Sequence[Membership]:
    """Everybody, in the order they came."""
    return db.session.scalars(
        sa.select(Membership).where(Membership.account_id == account.id).order_by(Membership.id)
    ).all()


def open_invitations(account: Account, *, to: str | None = None) -> Sequence[Invitation]:
    """Not accepted yet, newest first; expired ones included until they are cleaned up."""
    query = sa.select(Invitation).where(
        Invitation.account_id == account.id, Invitation.accepted_at.is_(None)
    )
    if to is not None:
        query = query.where(Invitation.email == to)
    return db.session.scalars(query.order_by(Invitation.id.desc()).limit(OPEN_AT_MOST)).all()


def _check_role(role: str) -> None:
    if role not in rights.ROLES:
        raise Invalid("Choose a role.", {"role": ["Choose a role."]})


def _own_rights(role: str, chosen: Sequence[str] | None) -> list[str] | None:
    """As rows keep them: null for those of the role, which an owner always has."""
    return None if chosen is None or role == "owner" else rights.stored(role, chosen)


def _given(role: str, own: Sequence[str] | None) -> frozenset[str]:
    return rights.ROLES[role].rights if own is None else frozenset(own)


def _in_words(own: Sequence[str] | None) -> str:
    """For the audit, behind the role."""
    return f", but {' '.join(own) or 'nothing'}" if own is not None else ""


def _demand_may_give(account: Account, by: Member, given: frozenset[str]) -> None:
    """Nobody makes others, or lets others be, mightier than they are themselves."""
    own = rights.of(queries.membership(account, by))
    if not given <= own:
        raise Forbidden("You can give and take only what you may do yourself. Ask an owner.")


def _is_here(account: Account, address: str) -> bool:
    found = sa.select(Membership.id).join(Member)
    query = found.where(Membership.account_id == account.id, Member.email == address)
    return db.session.scalar(query) is not None


def _locked(account: Account, membership_id: int) -> Membership:
    """A membership, with the account locked, so that two owners cannot demote each other."""
    allowance.hold(account)
    found = db.session.scalar(
        sa.select(Membership)
        .where(Membership.id == membership_id, Membership.account_id == account.id)
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound("That person")
    return found


def _demand_another_owner(account: Account, membership: Membership) -> None:
    if membership.role != "owner":
        return
    others = sa.select(sa.func.count()).where(
        Membership.account_id == account.id,
        Membership.role == "owner",
        Membership.id != membership.id,
    )
    if not db.session.scalar(others):
        raise LastOwner


def business_of(invitation: Invitation) -> Account:
    """The account that the invitation leads to."""
    return db.session.get_one(Account, invitation.account_id)
