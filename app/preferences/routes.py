"""HTTP of the preference centre: people's own pages, and the settings of it.

On people's pages no cookie is read, nobody signs in, and GET changes nothing: scanners follow
every link of a mail.
"""

from __future__ import annotations

from datetime import timedelta
from functools import wraps
from typing import Any

from flask import (
    Blueprint,
    Response,
    make_response,
    render_template,
    request,
    stream_template,
    stream_with_context,
    url_for,
)
from flask.typing import ResponseReturnValue

from app.accounts.models import Account
from app.auth import throttling
from app.auth.current import current_account, current_member, needs, public
from app.contacts import erasing, handles, queries, resting
from app.contacts import fields as custom
from app.contacts.suppressions import Suppressed
from app.contacts.writing import AddressTaken
from app.core import networks
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid, NotFound
from app.core.fragments import see_other
from app.extensions import csrf, limiter
from app.mailer.address import BadAddress
from app.preferences import (
    addressing,
    asking,
    centre,
    choosing,
    details,
    guests,
    privacy_page,
    reasons,
    takeaway,
)
from app.preferences.forms import CentreForm
from app.preferences.guests import Guest, LinkOver
from app.tracking import farewell, leaving, pages
from app.tracking.texts import Texts

bp = Blueprint("preferences", __name__)

FOLDER = "preferences"
#: Reading all that is kept of somebody costs more than a page.
DOWNLOADS = "10/minute;60/hour"
ASKED = "30/hour;200/day"
SAID_SINCE = timedelta(days=90)


def from_a_link(view: pages.View) -> pages.View:
    """A page of a person: as `pages.from_a_mail`, and says where to get a new link."""

    @wraps(view)
    def guarded(token: str, **more: Any) -> Any:
        try:
            return view(token, **more)
        except LinkOver as error:
            guest = Guest(error.account, None, token)
            return _page("over", guest, 410, asking_at=handles.handle(error.account),
                         days=guests.LINK_LIFE.days)  # fmt: skip

    made: pages.View = pages.from_a_mail(guarded)  # type: ignore[assignment]
    return made


def _link() -> str:
    return str((request.view_args or {}).get("token", ""))[:80]


@bp.get("/p/<token>")
@from_a_link
def show(token: str) -> ResponseReturnValue:
    """What the person gets, with ways to get less, more, or something else."""
    guest = guests.visit(token)
    if guest.mail is not None:
        pages.record_page(guest.mail, "p")
    return _show(guest)


@bp.post("/p/<token>")
@from_a_link
def save(token: str) -> ResponseReturnValue:
    """Lists, frequency and counting."""
    with transaction(patience_s=pages.PATIENCE_S):
        guest = guests.visit(token)
        choosing.choose(
            guest,
            shown=set(request.form.getlist("shown", type=int)),
            keep=set(request.form.getlist("keep", type=int)),
            per=request.form.get("per"),
            counted="counted" in request.form,
        )
    return _show(guest, said="prefs_saved")


@bp.post("/p/<token>/pause")
@from_a_link
def pause(token: str) -> ResponseReturnValue:
    """No mail for so many days; `end` ends that."""
    with transaction(patience_s=pages.PATIENCE_S):
        guest = guests.visit(token)
        if request.form.get("end"):
            choosing.go_on(guest)
            said = "pause_over"
        else:
            choosing.pause(guest, request.form.get("days", 0, type=int))
            said = "pause_begun"
    return _show(guest, said=said)


@bp.post("/p/<token>/details")
@from_a_link
def save_details(token: str) -> ResponseReturnValue:
    """Name, company and the like, as far as the account leaves them to people."""
    with transaction(patience_s=pages.PATIENCE_S):
        guest = guests.visit(token)
        errors = details.save(guest, request.form)
    if errors:
        return _show(guest, 422, given=request.form, errors=errors, opened="details")
    return _show(guest, said="prefs_saved")


@bp.post("/p/<token>/address")
@from_a_link
def change_address(token: str) -> ResponseReturnValue:
    """Mail the new address a question; it is used once it has confirmed."""
    email = request.form.get("email", "").strip()[:320]
    try:
        with transaction(patience_s=pages.PATIENCE_S):
            guest = guests.visit(token)
            if not centre.of(guest.account).with_address:
                raise NotFound("This page")
            addressing.ask(guest, email, language=pages.language())
    except BadAddress:
        return _show(guest, 422, new_email=email, address_error="ask_bad", opened="address")
    except addressing.AskedEnough:
        return _show(guest, 429, new_email=email, address_error="address_often", opened="address")
    return _show(guest, said="address_sent")


@bp.get("/p/address/<token>")
@pages.from_a_mail
def address_page(token: str) -> ResponseReturnValue:
    """Asks whoever reads the mail at the new address."""
    try:
        found = addressing.wish(token)
    except addressing.Over:
        return _address_over()
    return _page("address", found, token=token, old=_masked(found.contact.email),
                 new=_masked(found.row.email))  # fmt: skip


@bp.post("/p/address/<token>")
@pages.from_a_mail
def confirm_address(token: str) -> ResponseReturnValue:
    """The button on that page."""
    try:
        with transaction(patience_s=pages.PATIENCE_S):
            found = addressing.wish(token)
            addressing.confirm(found, evidence=_evidence())
    except addressing.Over:
        return _address_over()
    except (AddressTaken, Suppressed, Invalid):
        return _page("note", None, 409, heading="address_over", text="address_taken")
    return _page("note", found, heading="address_done_title", text="address_done")


def _address_over() -> Response:
    return _page("note", None, 410, heading="over_title", text="address_over")


@bp.post("/p/<token>/leave")
@from_a_link
def leave(token: str) -> ResponseReturnValue:
    """No more mail of this account."""
    with transaction(patience_s=pages.PATIENCE_S):
        guest = guests.visit(token)
        is_due = farewell.is_due(guest.account, guest.contact)
        if choosing.leave(guest) and is_due and guest.contact:
            undo = leaving.undo_token(guest.mail) if guest.mail else ""
            farewell.say(guest.account, guest.contact, language=pages.language(), undo=undo)
    return _left(guest)


@bp.post("/p/<token>/back")
@from_a_link
def come_back(token: str) -> ResponseReturnValue:
    """Undo."""
    with transaction(patience_s=pages.PATIENCE_S):
        guest = guests.visit(token)
        choosing.come_back(guest)
    return _show(guest, said="prefs_saved")


@bp.post("/p/<token>/reason")
@from_a_link
def tell_reason(token: str) -> ResponseReturnValue:
    """Why somebody left, told of their own free will."""
    with transaction(patience_s=pages.PATIENCE_S):
        guest = guests.visit(token)
        if centre.of(guest.account).with_reasons:
            reasons.tell(guest, request.form.get("reason", ""), request.form.get("words", ""))
    return _left(guest, told=True)


@bp.post("/p/<token>/link")
@from_a_link
def mail_link(token: str) -> ResponseReturnValue:
    """Mail the person a fresh link, for what an old mail's link does not open."""
    with transaction(patience_s=pages.PATIENCE_S):
        guest = guests.visit(token)
        if guest.contact is not None:
            asking.ask(guest.account, guest.contact.email, language=pages.language())
    return _page("note", guest, heading="ask_done_title", text="ask_done")


@bp.get("/p/<token>/data")
@from_a_link
@limiter.limit(DOWNLOADS, key_func=_link, scope="own data")
def see_data(token: str) -> ResponseReturnValue:
    """All that is kept about the person, as a page that is written as it goes."""
    guest, contact = _own(token)
    t = pages.texts(guest)
    stream = stream_template(
        "preferences/data.html", t=t, guest=guest, sender=guest.account.name, token=token,
        zone=guest.account.zone, today=now(), person=takeaway.person(contact),
        forms=takeaway.forms(contact), lists=takeaway.lists(contact),
        consents=takeaway.consents(contact),
        changes=takeaway.changes(contact), before=takeaway.before(contact),
        mails=takeaway.mails(contact), events=takeaway.events(contact),
    )  # fmt: skip
    return _private(Response(stream, mimetype="text/html"))


@bp.get("/p/<token>/data.json")
@from_a_link
@limiter.limit(DOWNLOADS, key_func=_link, scope="own data")
def download_data(token: str) -> ResponseReturnValue:
    """The same as one JSON object."""
    guest, contact = _own(token)
    pieces = stream_with_context(takeaway.as_json(guest.account, contact))
    response = Response(pieces, mimetype="application/json")
    response.headers["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return _private(response)


def _own(token: str) -> tuple[Guest, Any]:
    guest = guests.visit(token)
    if guest.contact is None or not guest.is_fresh:
        raise NotFound("This page")
    return guest, guest.contact


def _private(response: Response) -> Response:
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Accept-Language"
    return response


@bp.get("/p/<token>/erase")
@from_a_link
def erase_page(token: str) -> ResponseReturnValue:
    """Says what goes; only the button acts."""
    return pages.page("erase", guests.visit(token), token=token)


@bp.post("/p/<token>/erase")
@from_a_link
def erase_now(token: str) -> ResponseReturnValue:
    """The person erases themselves, and stays out."""
    with transaction(patience_s=pages.PATIENCE_S):
        guest = guests.visit(token)
        if guest.contact is not None:
            erasing.erase(guest.contact, by="person")
    return pages.page("erased", guest)


# Without an old mail


def _everybody(view: pages.View) -> pages.View:
    """Reads no cookie, as the pages behind links."""
    marked: pages.View = csrf.exempt(public(view))
    return marked


@bp.app_template_global("privacy_page_of")
def privacy_page_of(account: Account | int) -> str:
    """The address of an account's own privacy page, for templates."""
    found = db.session.get(Account, account) if isinstance(account, int) else account
    return url_for("preferences.show_privacy", handle=handles.handle(found)) if found else ""


@bp.get("/privacy/of/<handle>")
@_everybody
def show_privacy(handle: str) -> ResponseReturnValue:
    """What the account does with data of people, from what it is set to do."""
    account = handles.account_of(handle)
    t = Texts(pages.language(), sender=account.name)
    response = make_response(
        render_template(
            "preferences/privacy.html", t=t, sender=account.name, is_paper=True,
            asking_at=handles.handle(account), sections=privacy_page.text(account, t),
        )
    )  # fmt: skip
    response.headers["Vary"] = "Accept-Language"
    return response


@bp.get("/choices/<handle>")
@_everybody
def ask_page(handle: str) -> ResponseReturnValue:
    """Where one types in an address and gets the link by mail."""
    account = handles.account_of(handle)
    return _page("ask", Guest(account, None, ""), handle=handle, email="", error="")


@bp.post("/choices/<handle>")
@_everybody
@limiter.limit(ASKED, key_func=throttling.network, scope="preference links")
def ask_for_link(handle: str) -> ResponseReturnValue:
    """The same answer for every address."""
    account = handles.account_of(handle)
    guest, email = Guest(account, None, ""), request.form.get("email", "").strip()[:320]
    try:
        with transaction(patience_s=pages.PATIENCE_S):
            asking.ask(account, email, language=pages.language())
    except BadAddress:
        return _page("ask", guest, 422, handle=handle, email=email, error="ask_bad")
    return _page("note", guest, heading="ask_done_title", text="ask_done")


# For the owner


@bp.get("/settings/preferences")
def settings() -> ResponseReturnValue:
    """What people may choose."""
    form = CentreForm(obj=centre.of(current_account()))
    return _settings_page(form)


@bp.post("/settings/preferences")
def save_settings() -> ResponseReturnValue:
    form, account = CentreForm(), current_account()
    if not form.validate():
        return _settings_page(form, 422)
    with transaction():
        account = current_account()
        centre.change(
            account,
            current_member(),
            words=form.words.data or "",
            pauses=form.pauses.data or [],
            switches=[name for name in centre.SWITCHES if form[name].data],
            goodbye=form.goodbye.data or "",
            privacy_contact=form.privacy_contact.data or "",
            privacy_words=form.privacy_words.data or "",
        )
        centre.show_lists(account, _chosen_lists())
        centre.open_these(account, set(request.form.getlist("field", type=int)))
    return see_other("preferences.settings", notice="Saved.")


def _chosen_lists() -> dict[int, tuple[str, str]]:
    chosen = request.form.getlist("list", type=int)[: centre.MOST_LISTS]
    return {
        list_id: (
            request.form.get(f"name-{list_id}", "")[:200],
            request.form.get(f"description-{list_id}", "")[: centre.WORDS_LENGTH],
        )
        for list_id in chosen
    }


def _settings_page(form: CentreForm, status: int = 200) -> ResponseReturnValue:
    account = current_account()
    page = render_template(
        "preferences/settings.html",
        form=form,
        address=handles.address(account),
        privacy_page=handles.privacy_page(account),
        lists=queries.lists(account),
        shown=centre.public_lists(account),
        fields=list(custom.askable(account.id).values()),
        open_fields={field.id for field in centre.open_fields(account)},
        said=reasons.of_account(account, now() - SAID_SINCE),
        words=reasons.WORDS,
    )
    return page, status


@bp.get("/settings/preferences/preview")
@needs("contacts.read")
def preview() -> ResponseReturnValue:
    """The page as people see it; its buttons do nothing."""
    return _show(Guest(current_account(), None, "preview", is_preview=True))


# What the pages share


def _show(
    guest: Guest, status: int = 200, *, said: str = "", given: Any = None,
    errors: dict[str, str] | None = None, **context: Any,
) -> Response:  # fmt: skip
    contact, found = guest.contact, centre.of(guest.account)
    zone = guest.account.zone
    pause = resting.paused(contact) if contact else None
    return _page(
        "show", guest, status, token=guest.token, said=said, centre=found,
        address=_masked(contact.email) if contact else "", is_out=guest.is_out,
        offers=centre.offers(guest.account, contact), pauses=centre.fitting(found),
        ends={days: now().astimezone(zone) + timedelta(days=days) for days in resting.PAUSES},
        paused_until=pause.until.astimezone(zone) if pause else None,
        per=resting.frequency(contact) if contact else "",
        questions=details.questions(guest, given, errors), is_wrong=bool(errors), **context,
    )  # fmt: skip


def _left(guest: Guest, *, told: bool = False) -> Response:
    """The page after leaving: undo, fewer mails, and one question."""
    mail = guest.mail
    return pages.page(
        "left", guest, told=told, preferences=guest.token,
        lists=leaving.lists_behind(mail) if mail else [],
        undo=leaving.undo_token(mail) if mail else "", reasons=reasons.asked(guest.account),
    )  # fmt: skip


def _page(name: str, guest: pages.Guest | None, status: int = 200, **context: Any) -> Response:
    return pages.page(name, guest, status, FOLDER, **context)


def _masked(email: str) -> str:
    """Enough of an address to know one's own: v…@example.com."""
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}…@{domain}"


def _evidence() -> dict[str, str]:
    return {"network": networks.shortened(request.remote_addr)}
