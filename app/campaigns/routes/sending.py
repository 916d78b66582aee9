"""The fourth stop: approval, and sending."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response, make_response, render_template, request
from flask.typing import ResponseReturnValue

from app.accounts import auditing
from app.auth.current import current_account, current_member, may, needs
from app.campaigns import approval, approving, checks, composing, dividing, forms, scheduling
from app.campaigns.archive import deciding
from app.campaigns.findings import Finding, NotReady
from app.campaigns.models import Campaign
from app.campaigns.routes.blueprint import bp
from app.campaigns.routes.choosing import reached_so_far
from app.campaigns.routes.stops import at_stop, blame, campaign_of, save
from app.core.clock import now
from app.core.db import transaction
from app.core.errors import Forbidden, Invalid
from app.core.fragments import see_other


@bp.get("/<int:campaign_id>/send")
def send(campaign_id: int) -> ResponseReturnValue:
    campaign = campaign_of(campaign_id)
    if campaign.state != "draft":
        return see_other("campaigns.show", campaign_id=campaign.id)
    return _send_page(campaign, forms.SendForm(version=campaign.version))


def _send_page(
    campaign: Campaign,
    form: forms.SendForm,
    status: int = 200,
    blocks: Sequence[Finding] | None = None,
) -> Response:
    if blocks is None:
        blocks = [one for one in checks.preflight(campaign) if one.level == "block"]
    page = render_template(
        "campaigns/send.html", **at_stop(campaign, "send"), form=form, blocks=blocks,
        tracking=forms.TrackingForm(obj=campaign), numbers=reached_so_far(campaign),
        words=checks.OUT_WORDS, zone=campaign.account.zone,
        local_now=now().astimezone(campaign.account.zone),
        approval=approval.of(campaign), is_mine=_is_mine(campaign), part=_part(campaign),
        archive=deciding.of_account(campaign.account_id), archived=deciding.page_of(campaign),
    )  # fmt: skip
    return make_response(page, status)


def _part(campaign: Campaign) -> dividing.Part | None:
    """What limits let go now, where that is not all."""
    reached = reached_so_far(campaign) if campaign.state == "draft" else None
    return dividing.offer(campaign, reached.count) if reached else None


def _is_mine(campaign: Campaign) -> bool:
    return campaign.written_by_id == current_member().id


@bp.post("/<int:campaign_id>/approval/ask")
@needs("reports.read")
def ask_approval(campaign_id: int) -> ResponseReturnValue:
    """Whoever writes or sends may ask."""
    if not (may("campaigns.write") or may("campaigns.send")):
        raise Forbidden("Only people who write or send campaigns can ask for approval.")
    campaign = campaign_of(campaign_id)
    with transaction():
        number = approving.ask(campaign, current_member(), request.form.get("words", ""))
    who = "1 person" if number == 1 else f"{number} people"
    return see_other("campaigns.send", campaign_id=campaign.id, notice=f"We asked {who} by mail.")


@bp.post("/<int:campaign_id>/approval/give")
@needs("campaigns.approve")
def approve(campaign_id: int) -> ResponseReturnValue:
    campaign, form = campaign_of(campaign_id), forms.SaidForm()
    with transaction():
        approving.give(campaign, current_member(), form.version.data or 0)
    words = "Approved. It can be sent as it is now."
    return see_other("campaigns.send", campaign_id=campaign.id, notice=words)


@bp.post("/<int:campaign_id>/approval/decline")
@needs("campaigns.approve")
def decline(campaign_id: int) -> ResponseReturnValue:
    campaign, form = campaign_of(campaign_id), forms.SaidForm()
    words = form.words.data or ""
    with transaction():
        approving.decline(campaign, current_member(), form.version.data or 0, words)
    return see_other("campaigns.send", campaign_id=campaign.id, notice="Sent back.", kind="info")


@bp.post("/<int:campaign_id>/tracking")
def save_tracking(campaign_id: int) -> ResponseReturnValue:
    campaign, form = campaign_of(campaign_id), forms.TrackingForm()
    if not form.validate():
        raise Invalid("Choose what to count.")
    return save(campaign, composing.Draft(tracking=form.tracking.data), form, "send")


@bp.post("/<int:campaign_id>/send")
@needs("campaigns.send")
def confirm_send(campaign_id: int) -> ResponseReturnValue:
    campaign, form = campaign_of(campaign_id), forms.SendForm()
    if campaign.state != "draft":
        return _already(campaign)
    if form.validate() and form.when.data == "later" and form.at.data is None:
        form.at.errors = ["Pick a day and a time."]
    if form.errors:
        return _send_page(campaign, form, 422)
    if form.version.data is not None and form.version.data != campaign.version:
        return _changed(campaign)
    try:
        return _scheduled(campaign, form)
    except NotReady as error:
        return _send_page(campaign_of(campaign_id), form, 422, error.findings)
    except scheduling.CannotMove:
        return _already(campaign_of(campaign_id))
    except Invalid as error:
        blame(form, error)
        return _send_page(campaign_of(campaign_id), form, 422)


def _scheduled(campaign: Campaign, form: forms.SendForm) -> Response:
    account, member = current_account(), current_member()
    at, hold_s, note = None, int(form.hold.data), ""
    if form.when.data == "later":
        at = scheduling.local_moment(form.at.data, account.zone)
        if scheduling.comes_twice(form.at.data, account.zone):
            note = " The clocks go back that night, so that time comes twice: we take the first."
    with transaction():
        scheduling.schedule(campaign, at=at, hold_s=0 if at else hold_s)
        auditing.note(account, member, "campaign.send", f"campaign {campaign.id}")
    words = "It goes out at that time." if at else "It is on its way."
    if not at and hold_s:
        words = "It leaves in a moment. Until then you can take it back."
    return see_other("campaigns.show", campaign_id=campaign.id, notice=words + note)


def _already(campaign: Campaign) -> Response:
    """Pressing Send twice, going back or reloading: one run, and no scare."""
    words = f"“{campaign.name}” is {scheduling.NAMES[campaign.state]} already. It goes out once."
    return see_other("campaigns.show", campaign_id=campaign.id, notice=words, kind="info")


def _changed(campaign: Campaign) -> Response:
    words = "The campaign was changed since you opened this page. Look at the numbers once more."
    return see_other("campaigns.send", campaign_id=campaign.id, notice=words, kind="warn")
