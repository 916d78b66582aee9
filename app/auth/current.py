"""Who is asking, for which account, and what they may do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from flask import g
from flask_login import UserMixin, current_user

from app.accounts import rights
from app.accounts.models import Account, Member, Membership
from app.auth.models import SignedIn
from app.core.db import db
from app.core.errors import Forbidden, NotFound

View = TypeVar("View", bound=Callable[..., Any])
#: What looking and changing take where a view says nothing of its own, by blueprint. Elsewhere
#: everybody in the account may look, and changing takes all that an editor may.
AREAS = {
    "contacts": ("contacts.read", "contacts.change"),
    "forms": ("contacts.read", "contacts.change"),
    "preferences": ("contacts.read", "contacts.change"),
    "campaigns": ("reports.read", "campaigns.write"),
    "delivery": ("reports.read", "campaigns.send"),
    "reports": ("reports.read", "contacts.change"),
    "sharing": ("reports.read", "campaigns.send"),
    "analytics": ("reports.read", "settings"),
    "accounts": ("", "settings"),
    "billing": ("", "billing"),
    # Everybody may speak for themselves and answer the operator.
    "trust": ("", "viewer"),
}


class User(UserMixin):  # type: ignore[misc]  # flask-login has no type hints
    """What Flask-Login wants of a signed-in person; the rows know nothing of it."""

    def __init__(self, secret: str, session: SignedIn) -> None:
        self.secret = secret
        self.session = session
        self.member: Member = session.member

    def get_id(self) -> str:
        return self.secret


def public(view: View) -> View:
    """Open to everybody. A test holds the list of such views."""
    view.__dict__["is_public"] = True
    return view


def needs(wanted: str) -> Callable[[View], View]:
    """What a view takes: a right ("campaigns.send"), or all that a role may do ("owner").

    Where nothing is said, AREAS says it.
    """

    def mark(view: View) -> View:
        view.__dict__["wanted"] = wanted
        return view

    return mark


def wanted_by(view: Callable[..., Any], blueprint: str | None, *, changes: bool) -> str:
    """The right or role that a view takes; empty where everybody in the account may."""
    said: str | None = view.__dict__.get("wanted")
    if said is not None:
        return said
    look, change = AREAS.get(blueprint or "", ("", "editor"))
    return change if changes else look


def staff_only(view: View) -> View:
    """For the operator's people; no account is needed."""
    view.__dict__["is_staff_only"] = True
    return view


def personal(view: View) -> View:
    """About the signed-in person alone: open to each role, and to people without an account."""
    view.__dict__["is_personal"] = True
    return view


def before_accepting(view: View) -> View:
    """Open to people who have not accepted a version of the policy that matters: for who leaves."""
    view.__dict__["is_before_accepting"] = True
    return view


def sensitive(back: str) -> Callable[[View], View]:
    """Only for those who proved who they are within minutes; others do so first.

    `back` is the page that they come to afterwards, for what was sent is not sent again.
    """

    def mark(view: View) -> View:
        view.__dict__["goes_back_to"] = back
        return view

    return mark


def current_session() -> SignedIn:
    """The signed-in browser."""
    session: SignedIn = current_user.session
    return session


def current_member() -> Member:
    """The person who is signed in."""
    member: Member = current_user.member
    return member


def membership_or_none() -> Membership | None:
    """The person's place in the account being looked at; their first one where it has ended."""
    if "membership" not in g:
        session = current_session()
        g.membership = db.session.scalar(
            sa.select(Membership)
            .where(Membership.member_id == session.member_id)
            .order_by(
                sa.case((Membership.account_id == session.account_id, 0), else_=1), Membership.id
            )
            .limit(1)
        )
    found: Membership | None = g.membership
    return found


def current_account() -> Account:
    """The account being looked at; everything is loaded through it. Raises NotFound."""
    membership = membership_or_none()
    if membership is None:
        raise NotFound("The account")
    return membership.account


def may(wanted: str) -> bool:
    """Whether the person has a right here ("campaigns.send"), or all that a role may do."""
    return rights.allows(rights.of(membership_or_none()), wanted)


def demand(wanted: str) -> None:
    """Raises Forbidden for who may not."""
    if may(wanted):
        return
    if wanted in rights.RIGHTS:
        raise Forbidden(f"You may not do this here: {rights.RIGHTS[wanted]}. Ask the owner.")
    raise Forbidden(f"Only people with the role {wanted} or above can do this. Ask the owner.")
