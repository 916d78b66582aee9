"""The first stop: what it says."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response, render_template
from flask.typing import ResponseReturnValue
from wtforms import SelectChoice

from app.auth.current import current_account
from app.campaigns import composing, filters, forms, liquid, queries
from app.campaigns.models import Campaign
from app.campaigns.routes.blueprint import bp
from app.campaigns.routes.stops import WRITTEN, at_stop, blame, campaign_of, refused, save
from app.core.errors import Invalid


@bp.get("/<int:campaign_id>/write")
def write(campaign_id: int) -> ResponseReturnValue:
    campaign = campaign_of(campaign_id)
    return _write_page(campaign, _write_form(campaign))


@bp.post("/<int:campaign_id>/write")
def save_write(campaign_id: int) -> ResponseReturnValue:
    campaign = campaign_of(campaign_id)
    form = _write_form(campaign)
    if not form.validate():
        return refused(campaign, form, lambda: _write_page(campaign, form, status=422))
    written: dict[str, Any] = {name: form[name].data or "" for name in WRITTEN}
    draft = composing.Draft(**written)
    try:
        return save(campaign, draft, form, "write")
    except Invalid as error:
        blame(form, error)
        return refused(campaign, form, lambda: _write_page(campaign, form, status=422))


def _write_form(campaign: Campaign) -> forms.WriteForm:
    form = forms.WriteForm(obj=campaign)
    senders = queries.senders(current_account())
    form.from_email.choices = [SelectChoice("", "Choose a sender")] + [
        SelectChoice(one.email, one.email + ("" if one.confirmed_at else " (not confirmed yet)"))
        for one in senders
    ]
    known = {one.email for one in senders}
    if campaign.from_email and campaign.from_email not in known:
        unknown = SelectChoice(campaign.from_email, f"{campaign.from_email} (unknown)")
        form.from_email.choices.append(unknown)
    return form


def _write_page(campaign: Campaign, form: forms.WriteForm, status: int = 200) -> Response:
    return make_response(
        render_template(
            "campaigns/write.html",
            **at_stop(campaign, "write"),
            form=form,
            version=form.version.data if status == 422 else campaign.version,
            tags=_merge_tags(campaign),
            filters=filters.FILTERS,
            has_senders=len(form.from_email.choices) > 1,
        ),
        status,
    )


def _merge_tags(campaign: Campaign) -> dict[str, str]:
    """Merge tag → what it stands for."""
    custom = {f"contact.fields.{one.key}": one.label for one in queries.fields(campaign.account_id)}
    return {**liquid.NAMES, **custom}
