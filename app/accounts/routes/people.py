"""Who may sign in to the account, and as what."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from app.accounts import people, rights, withdrawing
from app.accounts.forms import (
    ApprovalForm,
    InviteForm,
    RoleForm,
    take_over,
)
from app.accounts.routes.blueprint import MAILS, bp
from app.accounts.withdrawing import Withdrawn
from app.auth import throttling
from app.auth.current import current_account, current_member, may, needs, sensitive
from app.campaigns import approving
from app.core.clock import now
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.fragments import see_other
from app.core.templating import count
from app.extensions import limiter


@bp.get("/settings/people")
def people_page() -> ResponseReturnValue:
    return _people(InviteForm())


@bp.post("/settings/people/invite")
@needs("people")
@sensitive("accounts.people_page")
@limiter.limit(MAILS, key_func=throttling.network)
def invite() -> ResponseReturnValue:
    form = InviteForm()
    if not form.validate():
        return _people(form, 422)
    try:
        with transaction():
            people.invite(
                current_account(), current_member(), email=form.email.data, role=form.role.data,
                chosen=form.chosen,
            )  # fmt: skip
    except Invalid as error:
        if not take_over(form, error.errors):
            raise
        return _people(form, 422)
    return see_other("accounts.people_page", notice="The invitation is on its way.")


@bp.post("/settings/people/<int:membership_id>/role")
@needs("people")
@sensitive("accounts.people_page")
def change_role(membership_id: int) -> ResponseReturnValue:
    form = RoleForm()
    if not form.validate():
        return _people(InviteForm(formdata=None), 422)
    with transaction():
        gone = people.change_role(
            current_account(), current_member(), membership_id, role=form.role.data,
            chosen=form.chosen,
        )  # fmt: skip
    return _back("What they may do is changed.", gone)


@bp.post("/settings/people/approval")
@needs("people")
def demand_approval() -> ResponseReturnValue:
    wanted = bool(ApprovalForm().on.data)
    with transaction():
        approving.demand(current_account(), current_member(), wanted=wanted)
    words = "Nobody sends alone any more." if wanted else "Campaigns go out without approval."
    return see_other("accounts.people_page", notice=words)


@bp.post("/settings/people/<int:membership_id>/remove")
@needs("people")
@sensitive("accounts.people_page")
def remove_person(membership_id: int) -> ResponseReturnValue:
    with transaction():
        gone = people.remove(current_account(), current_member(), membership_id)
    return _back("They have no access any more.", gone)


def _back(notice: str, gone: Withdrawn) -> ResponseReturnValue:
    """With what ended along."""
    counts = ((gone.tokens, "API token"), (gone.invitations, "open invitation"))
    ended = " and ".join(count(n, words) for n, words in counts if n)
    along = f" With it ended {ended} that they had made." if ended else ""
    return see_other("accounts.people_page", notice=f"{notice}{along}")


@bp.post("/settings/invitations/<int:invitation_id>/again")
@needs("people")
@sensitive("accounts.people_page")
@limiter.limit(MAILS, key_func=throttling.network)
def invite_again(invitation_id: int) -> ResponseReturnValue:
    with transaction():
        people.invite_again(current_account(), current_member(), invitation_id)
    words = "A new link is on its way; the old one is dead."
    return see_other("accounts.people_page", notice=words)


@bp.post("/settings/invitations/<int:invitation_id>/take-back")
@needs("people")
def take_back(invitation_id: int) -> ResponseReturnValue:
    with transaction():
        people.take_back(current_account(), current_member(), invitation_id)
    return see_other("accounts.people_page", notice="The invitation's link is dead.")


def _people(form: InviteForm, status: int = 200) -> ResponseReturnValue:
    account = current_account()
    page = render_template(
        "accounts/people.html",
        form=form,
        memberships=people.members(account),
        invitations=people.open_invitations(account),
        roles=rights.ROLES,
        rights=rights.RIGHTS,
        rights_of=rights.of,
        tokens_of=withdrawing.tokens_of(account) if may("people") else {},
        moment=now(),
    )
    return page, status
