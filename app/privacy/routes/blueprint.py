"""The blueprint of privacy."""

from __future__ import annotations

from flask import Blueprint, request

from app.accounts.models import Account
from app.auth.current import membership_or_none
from app.core import networks

bp = Blueprint("privacy", __name__)


def account_or_none() -> Account | None:
    """The account that is looked at; people without one have pages here too."""
    membership = membership_or_none()
    return membership.account if membership else None


def network() -> str:
    """Where the person comes from, shortened."""
    return networks.shortened(request.remote_addr)
