"""Who is asking, for which account, and what they may do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from flask import g
from flask_login import UserMixin, current_user

from app.accounts.models import Account, Member, Membership
from app.auth.models import SignedIn
from app.core.db import db
from app.core.errors import Forbidden, NotFound

View = TypeVar("View", bound=Callable[..., Any])
RANK = {"viewer": 1, "editor": 2, "owner": 3}


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


def needs(role: str) -> Callable[[View], View]:
    """The least role for a view: viewer, editor, owner. POSTs need editor where nothing is said."""

    def mark(view: View) -> View:
        view.__dict__["least_role"] = role
        return view

    return mark


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


def current_role() -> str:
    """owner, editor or viewer; empty outside an account."""
    membership = membership_or_none()
    return membership.role if membership else ""


def may(role: str) -> bool:
    """Whether the person has at least this role here."""
    return RANK.get(current_role(), 0) >= RANK[role]


def demand(role: str) -> None:
    """Raises Forbidden below that role."""
    if not may(role):
        raise Forbidden(f"Only people with the role {role} or above can do this. Ask the owner.")
