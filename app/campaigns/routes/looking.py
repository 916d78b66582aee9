"""The second stop: how it looks, for whom, and test sends."""

from __future__ import annotations

from flask import Response, make_response, render_template, request, session
from flask.typing import ResponseReturnValue

from app.auth.current import current_account, current_member, may, needs
from app.campaigns import checks, forms, previewing, queries
from app.campaigns.models import Campaign
from app.campaigns.routes.blueprint import bp
from app.campaigns.routes.stops import at_stop, campaign_of
from app.contacts.models import Contact
from app.core.errors import DomainError
from app.core.fragments import see_other
from app.core.headers import user_html
from app.delivery import testing

MAX_TESTS = 5


@bp.get("/<int:campaign_id>/look")
def look(campaign_id: int) -> ResponseReturnValue:
    return _look_page(campaign_of(campaign_id), forms.TestForm(to=_last_tests()))


def _look_page(campaign: Campaign, form: forms.TestForm, status: int = 200) -> Response:
    contact = _shown_as(campaign)
    problem, shown = "", None
    try:
        shown = previewing.preview(campaign, contact)
    except DomainError as error:
        problem = str(error)
    page = render_template(
        "campaigns/look.html", **at_stop(campaign, "look"), preview=shown, problem=problem,
        contact=contact, form=form, text="",
        found=queries.people(current_account(), "") if may("contacts.read") else [],
    )  # fmt: skip
    return make_response(page, status)


def _shown_as(campaign: Campaign) -> Contact | None:
    """Nobody's data for who may not see contacts."""
    if not may("contacts.read"):
        return None
    chosen = request.values.get("contact", type=int)
    if chosen:
        return queries.contact(current_account(), chosen)
    if request.values.get("contact") == "nobody":
        return None
    return queries.sample_contact(campaign.account_id)


@bp.get("/<int:campaign_id>/preview")
def preview(campaign_id: int) -> ResponseReturnValue:
    """The mail by itself: an HTML document that a person wrote, for the sandboxed frame."""
    campaign = campaign_of(campaign_id)
    try:
        html = previewing.preview(campaign, _shown_as(campaign)).html
    except DomainError as error:
        html = render_template("campaigns/preview_problem.html", problem=str(error))
    return user_html(make_response(html))


@bp.get("/<int:campaign_id>/look/people")
@needs("contacts.read")
def look_people(campaign_id: int) -> ResponseReturnValue:
    text = request.args.get("q", "")[:200]
    return render_template(
        "campaigns/_found.html",
        campaign=campaign_of(campaign_id),
        found=queries.people(current_account(), text),
        text=text,
    )


@bp.post("/<int:campaign_id>/test")
def test(campaign_id: int) -> ResponseReturnValue:
    campaign, form = campaign_of(campaign_id), forms.TestForm()
    addresses = [part for part in (form.to.data or "").replace(";", ",").split(",") if part.strip()]
    if form.validate() and len(addresses) > MAX_TESTS:
        form.to.errors = [f"At most {MAX_TESTS} addresses at a time."]
    if form.errors:
        return _look_page(campaign, form, status=422)
    addresses = [part.strip() for part in addresses]
    try:
        checks.demand_sender(campaign)
        testing.send_test(campaign, addresses, seen_by=_shown_as(campaign))
    except DomainError as error:
        form.to.errors = [str(error)]
        return _look_page(campaign, form, status=error.status)
    session[_tests_key()] = ", ".join(addresses)
    notice = f"A test is on its way to {', '.join(addresses)}."
    seen_by = request.form.get("contact") or None
    return see_other("campaigns.look", campaign_id=campaign.id, contact=seen_by, notice=notice)


def _tests_key() -> str:
    return f"tests-{current_account().id}"


def _last_tests() -> str:
    """Where the last test went from this browser; the person's own address at first."""
    return str(session.get(_tests_key()) or current_member().email)
