"""Pages of campaigns: the list, the four stops of composing, and what one can do afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, make_response, render_template, request, session
from flask.typing import ResponseReturnValue
from wtforms import SelectChoice

from app.accounts import auditing
from app.auth.current import current_account, current_member, may, needs
from app.campaigns import (
    approval,
    approving,
    checks,
    composing,
    dividing,
    filters,
    forms,
    jobs,
    liquid,
    numbers,
    previewing,
    queries,
    scheduling,
)
from app.campaigns.archive import deciding
from app.campaigns.findings import Finding, NotReady
from app.campaigns.models import STATES, Campaign
from app.contacts.models import Contact
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import DomainError, Forbidden, Invalid
from app.core.fragments import page_or_fragment, see_other, wants_fragment
from app.core.headers import user_html
from app.delivery import jobs as delivery_jobs
from app.delivery import progress, steering, testing
from app.delivery.models import Tally

bp = Blueprint("campaigns", __name__, url_prefix="/campaigns")
STOPS = (("write", "Write"), ("look", "Look"), ("people", "People"), ("send", "Send"))
MAX_TESTS = 5


def _campaign(campaign_id: int) -> Campaign:
    return queries.campaign(current_account(), campaign_id)


# The list


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
    campaign = _campaign(campaign_id)
    if campaign.state == "draft" and may("campaigns.write"):
        return see_other("campaigns.write", campaign_id=campaign.id)
    if campaign.state == "draft" and (may("campaigns.approve") or may("campaigns.send")):
        return see_other("campaigns.send", campaign_id=campaign.id)
    return render_template(
        "campaigns/show.html",
        campaign=campaign,
        form=forms.NameForm(obj=campaign),
        has_rest=dividing.has_rest(campaign),
        lists=queries.owned_lists(campaign.account_id, _ids(campaign, excluded=False)),
        **progress.panel(campaign),
    )


@bp.post("/<int:campaign_id>/rename")
def rename(campaign_id: int) -> ResponseReturnValue:
    campaign, form = _campaign(campaign_id), forms.NameForm()
    if not form.validate():
        raise Invalid("Give it a name of at most 200 characters.")
    with transaction():
        composing.rename(campaign, form.name.data)
    return see_other("campaigns.show", campaign_id=campaign.id, notice="Renamed.")


@bp.post("/<int:campaign_id>/duplicate")
def duplicate(campaign_id: int) -> ResponseReturnValue:
    original = _campaign(campaign_id)
    with transaction():
        copy = composing.duplicate(original, by=current_member().id)
    notice = f"This is a copy of “{original.name}”."
    return see_other("campaigns.write", campaign_id=copy.id, notice=notice)


@bp.post("/<int:campaign_id>/part")
def divide(campaign_id: int) -> ResponseReturnValue:
    """Only the first so many get it; 0: everybody again."""
    campaign, form = _campaign(campaign_id), forms.PartForm()
    if not form.validate():
        raise Invalid("Say how many, from 1 on.")
    return _save(campaign, composing.Draft(at_most=form.at_most.data), form, "send")


@bp.post("/<int:campaign_id>/rest")
def write_rest(campaign_id: int) -> ResponseReturnValue:
    campaign = _campaign(campaign_id)
    with transaction():
        rest = dividing.rest(campaign, by=current_member().id)
    notice = f"This goes to everybody who had no part of “{campaign.name}”."
    return see_other("campaigns.show", campaign_id=rest.id, notice=notice)


@bp.post("/<int:campaign_id>/delete")
def delete(campaign_id: int) -> ResponseReturnValue:
    campaign = _campaign(campaign_id)
    name = campaign.name
    with transaction():
        composing.delete(campaign)
    return see_other("campaigns.index", notice=f"“{name}” is deleted.")


# Write, and saving at every stop


@bp.get("/<int:campaign_id>/write")
def write(campaign_id: int) -> ResponseReturnValue:
    campaign = _campaign(campaign_id)
    return _write_page(campaign, _write_form(campaign))


@bp.post("/<int:campaign_id>/write")
def save_write(campaign_id: int) -> ResponseReturnValue:
    campaign = _campaign(campaign_id)
    form = _write_form(campaign)
    if not form.validate():
        return _refused(campaign, form, lambda: _write_page(campaign, form, status=422))
    written: dict[str, Any] = {name: form[name].data or "" for name in WRITTEN}
    draft = composing.Draft(**written)
    try:
        return _save(campaign, draft, form, "write")
    except Invalid as error:
        _blame(form, error)
        return _refused(campaign, form, lambda: _write_page(campaign, form, status=422))


WRITTEN = ("name", "subject", "preheader", "from_email", "from_name", "reply_to", "format",
           "body", "text_body")  # fmt: skip


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
            **_stop(campaign, "write"),
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


def _stop(campaign: Campaign, stop: str) -> dict[str, object]:
    return {"campaign": campaign, "stop": stop, "stops": STOPS, "locked": _locked(campaign)}


def _locked(campaign: Campaign) -> bool:
    return campaign.state != "draft" or not may("campaigns.write")


def _save(
    campaign: Campaign, draft: composing.Draft, form: forms.Versioned, stop: str
) -> ResponseReturnValue:
    """Write a draft; the answer is a line beside the form, or the page again."""
    try:
        with transaction():
            # A form that does not say what it was made from must not overwrite anything.
            version = form.version.data or 0
            composing.revise(campaign, draft, version, by=current_member().id)
    except composing.Conflict:
        return _conflict(campaign.id, draft, form, stop)
    if wants_fragment():
        return render_template(
            "campaigns/_saved.html", campaign=campaign, at=now(), problems=[], stop=stop
        )
    return see_other(f"campaigns.{stop}", campaign_id=campaign.id, notice="Saved.")


def _conflict(
    campaign_id: int, draft: composing.Draft, form: forms.Versioned, stop: str
) -> Response:
    theirs = _campaign(campaign_id)
    mine = {
        name: value for name in WRITTEN if isinstance(value := getattr(draft, name), str)
    } if stop == "write" else {}  # fmt: skip
    differing = [name for name, value in mine.items() if value != getattr(theirs, name)]
    return page_or_fragment(
        "campaigns/conflict.html", "campaigns/_conflict.html", status=409,
        campaign=theirs, version=form.version.data, mine=mine, differing=differing, stop=stop,
    )  # fmt: skip


def _refused(campaign: Campaign, form: forms.Versioned, page: object) -> ResponseReturnValue:
    """Autosave says what is wrong in its line; without JavaScript the form comes again."""
    if not wants_fragment():
        return page()  # type: ignore[operator,no-any-return]
    problems = [str(message) for messages in form.errors.values() for message in messages]
    shown = render_template(
        "campaigns/_saved.html", campaign=campaign, at=None, problems=problems,
        version=form.version.data,
    )  # fmt: skip
    return make_response(shown, 422)


def _blame(form: forms.Versioned, error: Invalid) -> None:
    """Put the messages of a verb beside their fields."""
    for name, messages in error.errors.items():
        if name in form:
            form[name].errors = [*form[name].errors, *messages]
    if not form.errors:
        raise error


# Look


@bp.get("/<int:campaign_id>/look")
def look(campaign_id: int) -> ResponseReturnValue:
    return _look_page(_campaign(campaign_id), forms.TestForm(to=_last_tests()))


def _look_page(campaign: Campaign, form: forms.TestForm, status: int = 200) -> Response:
    contact = _shown_as(campaign)
    problem, shown = "", None
    try:
        shown = previewing.preview(campaign, contact)
    except DomainError as error:
        problem = str(error)
    page = render_template(
        "campaigns/look.html", **_stop(campaign, "look"), preview=shown, problem=problem,
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
    campaign = _campaign(campaign_id)
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
        campaign=_campaign(campaign_id),
        found=queries.people(current_account(), text),
        text=text,
    )


@bp.post("/<int:campaign_id>/test")
def test(campaign_id: int) -> ResponseReturnValue:
    campaign, form = _campaign(campaign_id), forms.TestForm()
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


# People


@bp.get("/<int:campaign_id>/people")
def people(campaign_id: int) -> ResponseReturnValue:
    campaign = _campaign(campaign_id)
    return _people_page(campaign, _people_form(campaign))


@bp.post("/<int:campaign_id>/people")
def save_people(campaign_id: int) -> ResponseReturnValue:
    campaign = _campaign(campaign_id)
    form = _people_form(campaign)
    if not form.validate():
        return _refused(campaign, form, lambda: _people_page(campaign, form, status=422))
    draft = composing.Draft(
        lists=form.lists.data,
        segments=form.segments.data,
        exclude=form.exclude.data,
        exclude_segments=form.exclude_segments.data,
    )
    return _save(campaign, draft, form, "people")


def _people_form(campaign: Campaign) -> forms.PeopleForm:
    form = forms.PeopleForm(
        version=campaign.version,
        lists=_ids(campaign, excluded=False),
        segments=_segment_ids(campaign, excluded=False),
        exclude=_ids(campaign, excluded=True),
        exclude_segments=_segment_ids(campaign, excluded=True),
    )
    # What was chosen before and is archived now stays visible, so that it can be taken away.
    chosen = queries.owned_lists(
        campaign.account_id, [row.list_id for row in campaign.audience if row.list_id]
    )
    lists = {row.id: row for row in (*queries.lists(current_account()), *chosen)}
    form.lists.choices = form.exclude.choices = [
        SelectChoice(row.id, row.name) for row in lists.values()
    ]
    form.segments.choices = form.exclude_segments.choices = [
        SelectChoice(row.id, row.name) for row in queries.segments(campaign.account_id)
    ]
    return form


def _ids(campaign: Campaign, *, excluded: bool) -> list[int]:
    return [row.list_id for row in campaign.audience if row.list_id and row.excluded == excluded]


def _segment_ids(campaign: Campaign, *, excluded: bool) -> list[int]:
    found = [row for row in campaign.audience if row.excluded == excluded]
    return [row.segment_id for row in found if row.segment_id]


def _people_page(campaign: Campaign, form: forms.PeopleForm, status: int = 200) -> Response:
    ids = [choice.value for choice in form.lists.choices]
    lists = {row.id: row for row in queries.owned_lists(campaign.account_id, ids)}
    page = render_template(
        "campaigns/people.html", **_stop(campaign, "people"), form=form, lists=lists
    )
    return make_response(page, status)


def _reached(campaign: Campaign) -> numbers.Numbers | None:
    """As far as it is known; a worker is asked for the rest, and the page looks in again."""
    found = numbers.shown(campaign)
    if found is None or found.is_old:
        jobs.wake_count(campaign.id, campaign.version)
    return found


@bp.get("/<int:campaign_id>/numbers")
def show_numbers(campaign_id: int) -> ResponseReturnValue:
    """Counting may take a moment with very many people, so pages load this by itself."""
    campaign = _campaign(campaign_id)
    reached = _reached(campaign)
    if request.args.get("then") == "refresh":
        # The page that waits shows the number in several places.
        page = make_response(render_template("campaigns/_counting.html", campaign=campaign))
        if reached is not None:
            page.headers["HX-Refresh"] = "true"
        return page
    return page_or_fragment(
        "campaigns/numbers.html", "campaigns/_numbers.html", campaign=campaign,
        numbers=reached, words=checks.OUT_WORDS,
    )  # fmt: skip


@bp.get("/<int:campaign_id>/findings")
def findings(campaign_id: int) -> ResponseReturnValue:
    campaign = _campaign(campaign_id)
    _reached(campaign)
    return page_or_fragment(
        "campaigns/findings.html", "campaigns/_findings.html", campaign=campaign,
        findings=checks.preflight(campaign),
    )  # fmt: skip


# Send


@bp.get("/<int:campaign_id>/send")
def send(campaign_id: int) -> ResponseReturnValue:
    campaign = _campaign(campaign_id)
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
        "campaigns/send.html", **_stop(campaign, "send"), form=form, blocks=blocks,
        tracking=forms.TrackingForm(obj=campaign), numbers=_reached(campaign),
        words=checks.OUT_WORDS, zone=campaign.account.zone,
        local_now=now().astimezone(campaign.account.zone),
        approval=approval.of(campaign), is_mine=_is_mine(campaign), part=_part(campaign),
        archive=deciding.of_account(campaign.account_id), archived=deciding.page_of(campaign),
    )  # fmt: skip
    return make_response(page, status)


def _part(campaign: Campaign) -> dividing.Part | None:
    """What limits let go now, where that is not all."""
    reached = _reached(campaign) if campaign.state == "draft" else None
    return dividing.offer(campaign, reached.count) if reached else None


def _is_mine(campaign: Campaign) -> bool:
    return campaign.written_by_id == current_member().id


@bp.post("/<int:campaign_id>/approval/ask")
@needs("reports.read")
def ask_approval(campaign_id: int) -> ResponseReturnValue:
    """Whoever writes or sends may ask."""
    if not (may("campaigns.write") or may("campaigns.send")):
        raise Forbidden("Only people who write or send campaigns can ask for approval.")
    campaign = _campaign(campaign_id)
    with transaction():
        number = approving.ask(campaign, current_member(), request.form.get("words", ""))
    who = "1 person" if number == 1 else f"{number} people"
    return see_other("campaigns.send", campaign_id=campaign.id, notice=f"We asked {who} by mail.")


@bp.post("/<int:campaign_id>/approval/give")
@needs("campaigns.approve")
def approve(campaign_id: int) -> ResponseReturnValue:
    campaign, form = _campaign(campaign_id), forms.SaidForm()
    with transaction():
        approving.give(campaign, current_member(), form.version.data or 0)
    words = "Approved. It can be sent as it is now."
    return see_other("campaigns.send", campaign_id=campaign.id, notice=words)


@bp.post("/<int:campaign_id>/approval/decline")
@needs("campaigns.approve")
def decline(campaign_id: int) -> ResponseReturnValue:
    campaign, form = _campaign(campaign_id), forms.SaidForm()
    words = form.words.data or ""
    with transaction():
        approving.decline(campaign, current_member(), form.version.data or 0, words)
    return see_other("campaigns.send", campaign_id=campaign.id, notice="Sent back.", kind="info")


@bp.post("/<int:campaign_id>/tracking")
def save_tracking(campaign_id: int) -> ResponseReturnValue:
    campaign, form = _campaign(campaign_id), forms.TrackingForm()
    if not form.validate():
        raise Invalid("Choose what to count.")
    return _save(campaign, composing.Draft(tracking=form.tracking.data), form, "send")


@bp.post("/<int:campaign_id>/send")
@needs("campaigns.send")
def confirm_send(campaign_id: int) -> ResponseReturnValue:
    campaign, form = _campaign(campaign_id), forms.SendForm()
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
        return _send_page(_campaign(campaign_id), form, 422, error.findings)
    except scheduling.CannotMove:
        return _already(_campaign(campaign_id))
    except Invalid as error:
        _blame(form, error)
        return _send_page(_campaign(campaign_id), form, 422)


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


# On its way


@bp.post("/<int:campaign_id>/take-back")
@needs("campaigns.send")
def take_back(campaign_id: int) -> ResponseReturnValue:
    campaign = _campaign(campaign_id)
    with transaction():
        scheduling.take_back(campaign)
        _note(campaign, "take_back")
    notice = "Taken back: it is a draft again, and nobody got it."
    return see_other("campaigns.send", campaign_id=campaign.id, notice=notice)


@bp.post("/<int:campaign_id>/pause")
@needs("campaigns.send")
def pause(campaign_id: int) -> ResponseReturnValue:
    return _steer(steering.pause, _campaign(campaign_id), "Paused.")


@bp.post("/<int:campaign_id>/resume")
@needs("campaigns.send")
def resume(campaign_id: int) -> ResponseReturnValue:
    return _steer(steering.resume, _campaign(campaign_id), "It goes on.")


@bp.post("/<int:campaign_id>/cancel")
@needs("campaigns.send")
def cancel(campaign_id: int) -> ResponseReturnValue:
    notice = "Stopped. What had not left stays here; the receipt shows who got it."
    answer = _steer(steering.cancel, _campaign(campaign_id), notice)
    delivery_jobs.sweep_now()
    return answer


def _steer(verb: Callable[[Campaign, str], None], campaign: Campaign, notice: str) -> Response:
    with transaction():
        verb(campaign, current_member().name or current_member().email)
        _note(campaign, verb.__name__)
    return see_other("campaigns.show", campaign_id=campaign.id, notice=notice)


def _note(campaign: Campaign, verb: str) -> None:
    auditing.note(
        current_account(), current_member(), f"campaign.{verb}", f"campaign {campaign.id}"
    )
