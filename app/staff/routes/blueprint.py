"""The blueprint of staff, and who may open which of its pages."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import Blueprint, current_app
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.accounts.models import Account
from app.auth.current import current_member, staff_only
from app.config import Config
from app.core.errors import NotFound
from app.core.fragments import see_other
from app.staff import looking
from app.staff.models import StaffLook
from app.staff.sections import Section, open_to

bp = Blueprint("staff", __name__)
View = TypeVar("View", bound=Callable[..., Any])


def settings() -> Config:
    found: Config = current_app.config["SETTINGS"]
    return found


def for_purposes(*purposes: str) -> Callable[[View], View]:
    """Open to staff with one of these purposes; to everybody else the page is not there."""

    def mark(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **values: Any) -> ResponseReturnValue:
            if not set(purposes) & set(current_member().staff_roles or ()):
                raise NotFound("This page")
            answer: ResponseReturnValue = view(*args, **values)
            return answer

        return staff_only(guarded)  # type: ignore[return-value]

    return mark


def looking_at(account_id: int, kind: str) -> tuple[Account, StaffLook]:
    """An account and the signed-in person's look into it, for a view about that kind of object.

    Raises NotFound; NotLooking where no look lasts whose purpose holds that kind.
    """
    look = looking.demand(account_id, current_member(), kind)
    return looking.find_account(account_id), look


@bp.app_template_global("staff_sections")
def sections() -> list[Section]:
    """For the navigation: the staff pages that the signed-in person may open."""
    if not current_user.is_authenticated:
        return []
    return open_to(current_member().staff_roles or ())


@bp.get("/staff")
@staff_only
def console() -> ResponseReturnValue:
    """The first page that the person's purposes open."""
    found = sections()
    if not found:
        raise NotFound("This page")
    return see_other(found[0].endpoint)
