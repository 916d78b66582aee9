"""The list of campaigns, and what one can do with one of them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.auth.current import current_account, current_member, may
from app.campaigns import approving, composing, dividing, forms, queries
from app.campaigns.models import STATES, Campaign
from app.campaigns.routes.blueprint import bp
from app.campaigns.routes.choosing import list_ids
from app.campaigns.routes.stops import campaign_of, save
from app.core.db import db, transaction
from app.core.errors import Invalid
from app.core.fragments import page_or_fragment, see_other
from app.delivery import progress
from app.delivery.models import Tally


@bp.get("")
def index() -> ResponseReturnValue:
    state, text = request.args.get("state", ""), request.args.get("q", "").strip()[:200]
    page = queries.campaigns(
        current_account(),
        state=state if state in STATES else "",
        text=text,
        cursor=request.args.get("cursor"),
    )
    return page_or_fragment(
        "campaigns/index.html",
        "campaigns/_list.html",
        found=page,
        state=state,
        text=text,
        states=STATES,
        tallies=_tallies(page.items),
        waiting=_waiting(),
    )


def _waiting() -> Sequence[Campaign]:
    """What waits for the person who looks."""
    account = current_account()
    if not account.needs_approval or not may("campaigns.approve"):
        return ()
    return approving.waiting(account, current_member())


def _tallies(campaigns: Sequence[Campaign]) -> dict[int, dict[str, int]]:
    """Kept counters of deliveries by state, for the campaigns of one page."""
    found: dict[int, dict[str, int]] = {}
    rows = db.session.execute(
        sa.select(Tally.campaign_id, Tally.state, sa.func.sum(Tally.n))
        .where(Tally.campaign_id.in_([campaign.id for campaign in campaigns]))
        .group_by(Tally.campaign_id, Tally.state)
    )
    for campaign_id, state, n in rows:
        found.setdefault(campaign_id, {})[state] = int(n)
    return found


@bp.post("")
def create() -> ResponseReturnValue:
    with transaction():
        campaign = composing.create(current_account(), by=current_member().id)
    return see_other("campaigns.write", campaign_id=campaign.id)


@bp.get("/<int:campaign_id>")
def show(campaign_id: int) -> ResponseReturnValue:
    campaign = campaign_of(campaign_id)
    if campaign.state == "draft" and may("campaigns.write"):
        return see_other("campaigns.write", campaign_id=campaign.id)
    if campaign.state == "draft" and (may("campaigns.approve") or may("campaigns.send")):
        return see_other("campaigns.send", campaign_id=campaign.id)
    return render_template(
        "campaigns/show.html",
        campaign=campaign,
        form=forms.NameForm(obj=campaign),
        has_rest=dividing.has_rest(campaign),
        lists=queries.owned_lists(campaign.account_id, list_ids(campaign, excluded=False)),
        **progress.panel(campaign),
    )


@bp.post("/<int:campaign_id>/rename")
def rename(campaign_id: int) -> ResponseReturnValue:
    campaign, form = campaign_of(campaign_id), forms.NameForm()
    if not form.validate():
        raise Invalid("Give it a name of at most 200 characters.")
    with transaction():
        composing.rename(campaign, form.name.data)
    return see_other("campaigns.show", campaign_id=campaign.id, notice="Renamed.")


@bp.post("/<int:campaign_id>/duplicate")
def duplicate(campaign_id: int) -> ResponseReturnValue:
    original = campaign_of(campaign_id)
    with transaction():
        copy = composing.duplicate(original, by=current_member().id)
    notice = f"This is a copy of “{original.name}”."
    return see_other("campaigns.write", campaign_id=copy.id, notice=notice)


@bp.post("/<int:campaign_id>/part")
def divide(campaign_id: int) -> ResponseReturnValue:
    """Only the first so many get it; 0: everybody again."""
    campaign, form = campaign_of(campaign_id), forms.PartForm()
    if not form.validate():
        raise Invalid("Say how many, from 1 on.")
    return save(campaign, composing.Draft(at_most=form.at_most.data), form, "send")


@bp.post("/<int:campaign_id>/rest")
def write_rest(campaign_id: int) -> ResponseReturnValue:
    campaign = campaign_of(campaign_id)
    with transaction():
        rest = dividing.rest(campaign, by=current_member().id)
    notice = f"This goes to everybody who had no part of “{campaign.name}”."
    return see_other("campaigns.show", campaign_id=rest.id, notice=notice)


@bp.post("/<int:campaign_id>/delete")
def delete(campaign_id: int) -> ResponseReturnValue:
    campaign = campaign_of(campaign_id)
    name = campaign.name
    with transaction():
        composing.delete(campaign)
    return see_other("campaigns.index", notice=f"“{name}” is deleted.")
